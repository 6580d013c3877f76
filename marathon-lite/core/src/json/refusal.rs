//! Why a request's body is refused, in Marathon's words.

use serde_json::{Value, json};

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is no JSON at all: 400.
    Malformed(String),
    /// Something is missing or of the wrong type: 422.
    Shape(Vec<Detail>),
    /// Every part can be read, but the whole is against a rule: 422.
    Invalid(Vec<Detail>),
}

/// What is wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// Where, such as `/container/volumes(0)/mode`.
    pub path: String,
    /// What.
    pub errors: Vec<String>,
}

impl Refusal {
    /// The refusal of one place.
    #[must_use]
    pub fn invalid(path: impl Into<String>, error: impl Into<String>) -> Self {
        Self::Invalid(vec![Detail { path: path.into(), errors: vec![error.into()] }])
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Shape(_) | Self::Invalid(_) => 422,
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> Value {
        match self {
            Self::Malformed(error) => json!({"message": "Invalid JSON", "details": error}),
            Self::Shape(details) => json!({"message": "Invalid JSON", "details": render(details)}),
            Self::Invalid(details) => json!({"message": "Object is not valid", "details": render(details)}),
        }
    }

    /// What is wrong where; nothing for a body that is no JSON.
    #[must_use]
    pub fn details(&self) -> &[Detail] {
        match self {
            Self::Malformed(_) => &[],
            Self::Shape(details) | Self::Invalid(details) => details,
        }
    }
}

fn render(details: &[Detail]) -> Vec<Value> {
    details.iter().map(|detail| json!({"path": detail.path, "errors": detail.errors})).collect()
}

/// One line for people: `/cpus: must be at least 0.001; /id: must not be empty`.
impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Self::Malformed(error) = self {
            return write!(f, "Invalid JSON: {error}");
        }
        for (index, detail) in self.details().iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", detail.path, detail.errors.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
