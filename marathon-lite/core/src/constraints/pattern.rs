//! The values of constraints: patterns and numbers.

use crate::app::{Constraint, Operator};
use regex::{Regex, RegexBuilder};

/// Compiled patterns are at most so large: enough for any list of hosts, and a few of them fit into memory.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// Checks what the form of a constraint alone does not show: whether its pattern can be read.
///
/// # Errors
/// What is wrong with the value.
pub fn check(constraint: &Constraint) -> Result<(), String> {
    match (constraint.operator, &constraint.value) {
        (Operator::Like | Operator::Unlike, Some(pattern)) => compile(pattern).map(drop),
        (Operator::Like | Operator::Unlike, None) => Err("A regular expression value must be provided".to_owned()),
        _ => Ok(()),
    }
}

/// The pattern, for texts as a whole.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let build = |text: &str| {
        let built = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
        built.map_err(|error| refused(pattern, &error))
    };
    // Alone first: within the group that makes it match whole texts, an unopened parenthesis would close that group.
    build(pattern)?;
    build(&format!("^(?:{pattern})$"))
}

fn refused(pattern: &str, error: &regex::Error) -> String {
    let why = match error {
        regex::Error::CompiledTooBig(_) => "it is too large; use smaller repetitions".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it cannot be read");
            last.trim().trim_start_matches("error: ").to_owned()
        }
    };
    format!("'{pattern}' is not a valid regular expression: {why}")
}

/// A number as attributes show it: at most three decimals, none of them a last zero; none: the text is no number.
pub(super) fn number_text(text: &str) -> Option<String> {
    let number: f64 = text.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Some(if text == "-0" { "0".to_owned() } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constraint(operator: Operator, value: &str) -> Constraint {
        Constraint { field: "rack".into(), operator, value: Some(value.into()), preferred: false }
    }

    #[test]
    fn patterns_match_texts_as_a_whole() {
        let matches = |pattern: &str, text: &str| compile(pattern).unwrap().is_match(text);
        assert!(matches("rack-[1-3]", "rack-2") && !matches("rack-[1-3]", "rack-22") && !matches("ack", "rack"));
        assert!(matches("a|b", "b") && !matches("a|b", "ab") && !matches("a|bc", "abc"));
        assert!(matches("", "") && !matches("", "a"));
        assert!(matches("(?i)A", "a"));
    }

    #[test]
    fn wrong_patterns_are_refused_with_a_reason() {
        for wrong in ["(", ")", "a)(b", "[", "*", "(?=a)", "\\1", "(?:a{1000}){1000}", "a(?#"] {
            let refused = check(&constraint(Operator::Like, wrong)).unwrap_err();
            assert!(refused.starts_with(&format!("'{wrong}' is not a valid regular expression: ")), "{refused}");
            assert!(!refused.contains('\n'), "{refused}");
            assert!(check(&constraint(Operator::Unlike, wrong)).is_err());
            assert!(check(&constraint(Operator::Is, wrong)).is_ok());
        }
        assert_eq!(check(&constraint(Operator::Like, "rack-[1-3]")), Ok(()));
    }

    #[test]
    fn numbers_are_written_as_attributes_are() {
        for (text, expected) in [
            ("4", "4"),
            ("4.0", "4"),
            ("4.50", "4.5"),
            ("0.0005", "0.001"),
            ("-0.0", "0"),
            ("1e3", "1000"),
            ("10", "10"),
        ] {
            assert_eq!(number_text(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!([number_text("a"), number_text(""), number_text("inf"), number_text("NaN")], [const { None }; 4]);
    }
}
