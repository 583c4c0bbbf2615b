//! An impact in words.

use std::fmt;

use super::Impact;

/// Milliseconds in the unit that fits.
struct Seconds(u64);

// === impl Impact ===

impl Impact {
    /// What is missing in the numbers, in sentences without a full stop.
    pub fn doubts(&self) -> Vec<String> {
        let said = |names: &[String], one: &str, many: &str| {
            let verb = if names.len() == 1 { one } else { many };
            (!names.is_empty()).then(|| format!("{} {verb}", names.join(", ")))
        };
        let waiting = (self.waiting > 0 && self.to.is_some()).then(|| match self.waiting {
            1 => "1 request still waits for its turn".to_owned(),
            many => format!("{many} requests still wait for their turn"),
        });
        [
            said(&self.awaited, "has not reported since", "have not reported since"),
            waiting,
            said(
                &self.gone,
                "stopped reporting before, and may have refused more",
                "stopped reporting before, and may have refused more",
            ),
            said(
                &self.joined,
                "has joined since it began, and knows nothing of the time before",
                "have joined since it began, and know nothing of the time before",
            ),
            said(&self.untold, "does not say", "do not say"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The figures alone: `412 refused, 31 held (p50 1.2 s, p99 8.4 s), 1 cut, 1 pass used (Ann: 3)`.
impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused, {} held", self.refused, self.held)?;
        if let (Some(p50), Some(p99)) = (self.held_p50_ms, self.held_p99_ms) {
            write!(f, " (p50 {}, p99 {})", Seconds(p50), Seconds(p99))?;
        }
        write!(f, ", {} cut", self.cut)?;
        if self.passes.is_empty() {
            return f.write_str(", no pass used");
        }
        let uses = self.passes.iter().map(|used| {
            format!("{}: {}", used.bearer.as_deref().unwrap_or(used.pass.as_str()), used.requests)
        });
        let passes = if self.passes.len() == 1 { "pass" } else { "passes" };
        write!(f, ", {} {passes} used ({})", self.passes.len(), uses.collect::<Vec<_>>().join(", "))
    }
}

// === impl Seconds ===

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            millis @ ..1_000 => write!(f, "{millis} ms"),
            millis => {
                let tenths = millis.saturating_add(50) / 100;
                write!(f, "{}.{} s", tenths / 10, tenths % 10)
            }
        }
    }
}
