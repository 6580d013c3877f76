//! `label=` in lists of apps: `k`, `k==v`, `k!=v`, `k in (a,b)` and `k notin (a,b)`, joined by commas that mean "and".

use proto_types::Labels;
use std::{collections::BTreeSet, iter::Peekable, str::Chars};

/// What labels must be like. All requirements must hold, and each only ever holds for labels that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Among(BTreeSet<String>),
    NotAmong(BTreeSet<String>),
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Can not parse label selector '{selector}': {reason}. Write for example: env==prod, tier in (web,db), canary")]
pub struct InvalidSelector {
    /// The text.
    pub selector: String,
    /// What is wrong with it.
    pub reason: String,
}

impl LabelSelector {
    /// The selector that `text` spells. A backslash takes the next letter as it is.
    ///
    /// # Errors
    /// Where the text leaves the grammar.
    pub fn parse(text: &str) -> Result<Self, InvalidSelector> {
        let mut parser = Parser { letters: text.chars().peekable() };
        parser.selector().map(Self).map_err(|reason| InvalidSelector { selector: text.to_owned(), reason })
    }

    /// Whether labels are as they must be.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| {
            labels.get(&requirement.key).is_some_and(|value| match &requirement.test {
                Test::Exists => true,
                Test::Among(values) => values.contains(value),
                Test::NotAmong(values) => !values.contains(value),
            })
        })
    }
}

struct Parser<'a> {
    letters: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn selector(&mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = vec![self.requirement()?];
        loop {
            match self.next_after_blanks() {
                None => return Ok(requirements),
                Some(',') => requirements.push(self.requirement()?),
                Some(other) => return Err(format!("expected ',' or the end, but found '{other}'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let key = self.word()?;
        self.skip_blanks();
        let test = match self.letters.peek() {
            Some('=') => {
                self.expect('=')?;
                self.expect('=')?;
                Test::Among(BTreeSet::from([self.word()?]))
            }
            Some('!') => {
                self.expect('!')?;
                self.expect('=')?;
                Test::NotAmong(BTreeSet::from([self.word()?]))
            }
            None | Some(',') => Test::Exists,
            Some(_) => match self.word()?.as_str() {
                "in" => Test::Among(self.values()?),
                "notin" => Test::NotAmong(self.values()?),
                other => return Err(format!("expected '==', '!=', 'in' or 'notin', but found '{other}'")),
            },
        };
        Ok(Requirement { key, test })
    }

    /// `(a, b)`.
    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        self.skip_blanks();
        self.expect('(')?;
        let mut values = BTreeSet::from([self.word()?]);
        loop {
            match self.next_after_blanks() {
                Some(')') => return Ok(values),
                Some(',') => {
                    values.insert(self.word()?);
                }
                _ => return Err("expected ',' or ')' in a list of values".into()),
            }
        }
    }

    fn word(&mut self) -> Result<String, String> {
        self.skip_blanks();
        let mut word = String::new();
        while let Some(letter) = self.letters.peek().copied() {
            match letter {
                '\\' => {
                    self.letters.next();
                    word.push(self.letters.next().ok_or("a backslash at the end takes nothing")?);
                }
                ' ' | '\t' | ',' | '(' | ')' | '=' | '!' => break,
                letter => {
                    self.letters.next();
                    word.push(letter);
                }
            }
        }
        if word.is_empty() { Err("expected a label or a value".into()) } else { Ok(word) }
    }

    fn expect(&mut self, letter: char) -> Result<(), String> {
        match self.letters.next() {
            Some(found) if found == letter => Ok(()),
            Some(found) => Err(format!("expected '{letter}', but found '{found}'")),
            None => Err(format!("expected '{letter}', but it ends")),
        }
    }

    fn skip_blanks(&mut self) {
        while self.letters.next_if(|letter| matches!(letter, ' ' | '\t')).is_some() {}
    }

    fn next_after_blanks(&mut self) -> Option<char> {
        self.skip_blanks();
        self.letters.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn selectors_and_what_they_match() {
        let labels: Labels =
            [("env", "prod"), ("tier", "web"), ("a b", "x,y")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        for (selector, expected) in [
            ("env", true),
            ("other", false),
            ("env==prod", true),
            ("env == test", false),
            ("env!=test", true),
            ("env!=prod", false),
            ("other!=x", false),
            ("tier in (db, web)", true),
            ("tier notin (db,web)", false),
            ("env==prod,tier in (web),env", true),
            ("env==prod,tier in (db)", false),
            ("a\\ b==x\\,y", true),
            ("in in (x)", false),
        ] {
            assert_eq!(LabelSelector::parse(selector).unwrap().matches(&labels), expected, "{selector}");
        }
        for wrong in ["", "==a", "a=b", "a==", "a in", "a in (", "a in ()", "a in b", "a,", "a b", "a==b c", "\\"] {
            assert!(LabelSelector::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c=!,() \\\\inot]{0,20}") {
            let _ = LabelSelector::parse(&text);
        }
    }
}
