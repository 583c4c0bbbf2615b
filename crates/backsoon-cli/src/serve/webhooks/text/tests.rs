//! The sentences that come of changes and of the clock.

use backsoon::document::Window;
use backsoon::time::Timestamp;
use backsoon::{Mode, State};

use super::super::news;
use super::words::{LONGEST, escaped};

fn at(hour: i64) -> Timestamp {
    // 2026-11-20T00:00:00Z and so many hours.
    Timestamp::from_millis(1_795_132_800_000 + hour * 3_600_000)
}

fn next(before: &State, by: &str, hour: i64) -> State {
    let mut after = before.clone();
    (after.revision, after.change.by, after.change.at) = (before.revision + 1, by.into(), at(hour));
    after
}

fn closed(site: &str, mode: Mode) -> (State, State) {
    let before = State::new();
    let mut after = next(&before, "ann@vm", 20);
    let mut window = Window::new(mode).until(at(23));
    (window.by, window.note) = ("ann@vm".into(), "database move".into());
    after.site_mut(&site.parse().unwrap()).windows.push(window);
    (before, after)
}

#[test]
fn a_closing_is_told_as_people_tell_it() {
    let (before, after) = closed("shop.example", Mode::On);
    let news = news::change(&before, &after);
    assert_eq!(news.text, "shop.example closed by ann@vm until 23:00 UTC: database move");
    assert_eq!((news.by.as_str(), news.why.as_str()), ("ann@vm", "database move"));
    let (before, after) = closed("health.example.com", Mode::On);
    let text = news::change(&before, &after).text;
    assert!(text.starts_with("health.example.com closed by"), "a host stays as it is written: {text}");
    let (before, after) = closed("*", Mode::ReadOnly);
    let text = news::change(&before, &after).text;
    assert_eq!(text, "Every site made read-only by ann@vm until 23:00 UTC: database move");
}

#[test]
fn a_plan_names_the_day_and_can_be_called_off() {
    let (before, mut after) = closed("shop.example", Mode::On);
    let window = &mut after.site_mut(&"shop.example".parse().unwrap()).windows[0];
    (window.start, window.end) = (Some(at(46)), Some(at(47)));
    assert_eq!(
        news::change(&before, &after).text,
        "shop.example will be closed from 2026-11-21 22:00 UTC until 2026-11-21 23:00 UTC, planned by ann@vm: database move"
    );
    let called_off = State { sites: before.sites.clone(), ..next(&after, "bob@vm", 21) };
    let text = news::change(&after, &called_off).text;
    assert_eq!(text, "The planned closing of shop.example called off by bob@vm: database move");
    assert_eq!(news::ended(&after, &called_off), [], "it never closed anything");
}

#[test]
fn an_opening_is_told_once_and_only_where_the_site_is_open() {
    let (before, after) = closed("shop.example", Mode::On);
    let open = State { sites: before.sites.clone(), ..next(&after, "bob@vm", 21) };
    assert_eq!(news::change(&after, &open).text, "shop.example reopened by bob@vm");
    let reopened = &news::ended(&after, &open)[0];
    let text = "shop.example is open again: the closing by ann@vm (database move) was ended by bob@vm";
    assert_eq!((reopened.text.as_str(), reopened.by.as_str()), (text, "bob@vm"));
    let mut still = open.clone();
    still.default.windows.push(Window::new(Mode::Hold));
    assert_eq!(news::ended(&after, &still), []);
    assert_eq!(
        news::change(&after, &still).text,
        "Every site put on hold by bob@vm. A closing of shop.example ended by bob@vm; it is still put on hold"
    );
}

#[test]
fn an_end_that_comes_by_the_clock_belongs_to_one_span_of_time() {
    let (_, after) = closed("shop.example", Mode::On);
    let text = "shop.example is open again: the closing by ann@vm (database move) ended at 23:00 UTC";
    assert_eq!(news::by_the_clock(&after, at(22), at(23))[0].text, text);
    assert_eq!(news::by_the_clock(&after, at(23), at(24)), []);
    assert_eq!(news::by_the_clock(&after, at(21), at(22)), []);
    // A later change forgets the window: its end is no change of anybody's.
    let later = State { sites: Default::default(), ..next(&after, "bob@vm", 24) };
    assert_eq!(news::ended(&after, &later), []);
    assert_eq!(news::change(&after, &later).windows, []);
}

#[test]
fn a_planned_closing_is_told_when_its_time_comes_where_it_closes_anything() {
    let (_, mut after) = closed("shop.example", Mode::On);
    after.site_mut(&"shop.example".parse().unwrap()).windows[0].start = Some(at(22));
    let news = news::by_the_clock(&after, at(21), at(24));
    let text = "shop.example is closed since 22:00 UTC until 23:00 UTC, as planned by ann@vm (database move)";
    assert_eq!(news[0].text, text);
    assert_eq!((news.len(), news[0].id.split('-').next(), news[1].at), (2, Some("closed"), at(23)));
    assert_eq!(news::by_the_clock(&after, at(22), at(22)), []);
    // Where the site is closed anyway, nothing happens to anybody.
    after.default.windows.push(Window::new(Mode::On));
    assert_eq!(news::by_the_clock(&after, at(21), at(24)), []);
}

#[test]
fn nobodys_words_become_markup() {
    let (before, mut after) = closed("shop.example", Mode::On);
    after.change.by = "<!channel>".into();
    after.site_mut(&"shop.example".parse().unwrap()).windows[0].note = "a\n\"b\" & <http://c|d>".into();
    let news = news::change(&before, &after);
    let text = "shop.example closed by &lt;!channel&gt; until 23:00 UTC: a \"b\" &amp; &lt;http://c|d&gt;";
    assert_eq!(news.text, text);
    assert_eq!(news.by, "<!channel>", "programs read it as it is");
    let long = escaped(&"&".repeat(9_000));
    assert_eq!((long.matches("&amp;").count(), long.ends_with('…')), (LONGEST, true));
}

#[test]
fn other_changes_are_named() {
    let before = State::new();
    let mut after = next(&before, "ann@vm", 20);
    after.change.note = "apply site.toml".into();
    after.default.rules = Some(Vec::new().into());
    assert_eq!(news::change(&before, &after).text, "Rules of every site changed by ann@vm (apply site.toml)");
}
