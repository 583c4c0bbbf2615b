//! Patterns of Python's `re`, said in the syntax of the core.
//!
//! 1. A translation matches an ASCII path exactly if `re.match` does. Of another path it says no more than `re.match`,
//!    since `\d` and `\w` mean their ASCII part here: which letters there are depends on the version of Python.
//! 2. Control characters make a path odd, and no `open` rule matches an odd path. So `.`, `$` and `\Z` mean the same in both.
//! 3. What is not certain is not translated, and stays with Python: see the errors of [`Reader`].

use std::fmt::Write as _;

use backsoon::rules::PathPattern;
use pyo3::prelude::*;

/// More repetitions than this are left to Python: the core's patterns are limited in size.
const MANY: u32 = 1000;

/// A regular expression of the core that means what `re.match(pattern, path)` means, or None if that is not certain.
#[pyfunction]
pub(crate) fn translate(pattern: &str) -> Option<String> {
    let mut reader = Reader { rest: pattern, out: String::new(), depth: 0 };
    reader.choices()?;
    if !reader.rest.is_empty() {
        return None;
    }
    // `match` asks for a beginning of the path, the core for all of it.
    let whole = format!("(?:{})(?s:.*)", reader.out);
    PathPattern::regex(&whole).ok()?;
    Some(whole)
}

/// Reads a pattern from left to right. Every method gives up with `None` on whatever Python and Rust may read
/// differently.
struct Reader<'a> {
    rest: &'a str,
    out: String,
    depth: u32,
}

/// What is known of a part of a pattern.
#[derive(Clone, Copy)]
struct Part {
    /// It can match nothing at all.
    is_nullable: bool,
    /// It looks at its place, by `^`, `$`, `\A` or `\Z`.
    is_anchored: bool,
}

const ONE: Part = Part { is_nullable: false, is_anchored: false };
const NOTHING: Part = Part { is_nullable: true, is_anchored: false };
const PLACE: Part = Part { is_nullable: true, is_anchored: true };

// === impl Reader ===

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest.strip_prefix(text);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// `a|b|…`, up to a bracket that closes or the end.
    fn choices(&mut self) -> Option<Part> {
        // Nobody writes more, and the stack is not endless.
        self.depth = Some(self.depth + 1).filter(|depth| *depth < 50)?;
        let mut all = self.sequence()?;
        while self.eat("|") {
            self.out.push('|');
            let one = self.sequence()?;
            all = Part {
                is_nullable: all.is_nullable || one.is_nullable,
                is_anchored: all.is_anchored || one.is_anchored,
            };
        }
        self.depth -= 1;
        Some(all)
    }

    fn sequence(&mut self) -> Option<Part> {
        let mut all = NOTHING;
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let atom = self.atom()?;
            let part = if self.repetition()? {
                // Python's engine has ways of its own with loops around nothing.
                if atom.is_nullable || atom.is_anchored {
                    return None;
                }
                Part { is_nullable: true, ..atom }
            } else {
                atom
            };
            all = Part {
                is_nullable: all.is_nullable && part.is_nullable,
                is_anchored: all.is_anchored || part.is_anchored,
            };
        }
        Some(all)
    }

    fn atom(&mut self) -> Option<Part> {
        match self.next()? {
            '(' => {
                // Names change nothing where nobody refers to them, and a reference is not translated.
                if self.eat("?P<") {
                    let (name, rest) = self.rest.split_once('>')?;
                    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                        return None;
                    }
                    self.rest = rest;
                } else if !self.eat("?:") && self.rest.starts_with('?') {
                    return None;
                }
                self.out.push_str("(?:");
                let inner = self.choices()?;
                self.out.push(')');
                self.eat(")").then_some(inner)
            }
            '[' => self.class(),
            '.' => {
                self.out.push('.');
                Some(ONE)
            }
            '^' => {
                self.out.push_str(r"\A");
                Some(PLACE)
            }
            '$' => {
                self.out.push_str(r"\z");
                Some(PLACE)
            }
            '\\' => match self.next()? {
                'd' => self.write("[0-9]"),
                'w' => self.write("[0-9A-Za-z_]"),
                'A' => {
                    self.out.push_str(r"\A");
                    Some(PLACE)
                }
                'Z' => {
                    self.out.push_str(r"\z");
                    Some(PLACE)
                }
                c if c.is_ascii_punctuation() => self.literal(c),
                _ => None,
            },
            '*' | '+' | '?' | '{' | '}' | ']' => None,
            c if c.is_control() => None,
            c => self.literal(c),
        }
    }

    fn write(&mut self, text: &str) -> Option<Part> {
        self.out.push_str(text);
        Some(ONE)
    }

    fn literal(&mut self, c: char) -> Option<Part> {
        character(&mut self.out, c);
        Some(ONE)
    }

    /// Whether a repetition stands here; it is written down as well.
    fn repetition(&mut self) -> Option<bool> {
        let times = match self.rest.chars().next() {
            Some(c @ ('*' | '+' | '?')) => {
                self.next();
                c.to_string()
            }
            Some('{') => self.braces()?,
            _ => return Some(false),
        };
        // A lazy one matches as much or as little: what is asked is only whether.
        self.eat("?");
        if self.rest.starts_with(['*', '+', '?', '{']) {
            return None;
        }
        self.out.push_str(&times);
        Some(true)
    }

    /// `{2}`, `{2,}`, `{,3}` and `{2,3}`; anything else in braces Python may read as it stands.
    fn braces(&mut self) -> Option<String> {
        let (inner, rest) = self.rest.strip_prefix('{')?.split_once('}')?;
        self.rest = rest;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u32>().ok()).flatten().filter(|number| *number <= MANY)
        };
        Some(match inner.split_once(',') {
            None => format!("{{{}}}", number(inner)?),
            Some((low, "")) => format!("{{{},}}", number(low)?),
            Some(("", high)) => format!("{{0,{}}}", number(high)?),
            Some((low, high)) => {
                let (low, high) = (number(low)?, number(high)?);
                if low > high {
                    return None;
                }
                format!("{{{low},{high}}}")
            }
        })
    }

    /// A class, after its `[`.
    fn class(&mut self) -> Option<Part> {
        let is_negated = self.eat("^");
        self.out.push_str(if is_negated { "[^" } else { "[" });
        let mut is_first = true;
        loop {
            if !is_first && self.eat("]") {
                self.out.push(']');
                return Some(ONE);
            }
            is_first = false;
            // The operators of sets to come, which Python warns of.
            if self.rest.starts_with(['[', ']'])
                || ["--", "&&", "||", "~~"].iter().any(|s| self.rest.starts_with(s))
            {
                return None;
            }
            let Some(low) = self.member(is_negated)? else { continue };
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.next();
                let high = self.member(true)??;
                if low > high {
                    return None;
                }
                character(&mut self.out, low);
                self.out.push('-');
                character(&mut self.out, high);
            } else {
                character(&mut self.out, low);
            }
        }
    }

    /// One character of a class; `Some(None)` if it was `\d` or `\w`, which is written down already.
    fn member(&mut self, is_plain: bool) -> Option<Option<char>> {
        match self.next()? {
            '\\' => match self.next()? {
                'd' if !is_plain => self.out.push_str("0-9"),
                'w' if !is_plain => self.out.push_str("0-9A-Za-z_"),
                c if c.is_ascii_punctuation() => return Some(Some(c)),
                _ => return None,
            },
            '[' | ']' => return None,
            c if c.is_control() => return None,
            c => return Some(Some(c)),
        }
        // What comes next must not look like a range from it.
        if self.rest.starts_with('-') && !self.rest.starts_with("-]") { None } else { Some(None) }
    }
}

fn character(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || matches!(c, '/' | '_') || !c.is_ascii() {
        out.push(c);
    } else {
        // Writing to a string cannot fail.
        let _ = write!(out, r"\x{:02X}", u32::from(c));
    }
}
