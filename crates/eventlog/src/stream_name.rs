use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest category, in bytes.
const CATEGORY_BYTES_MAX: usize = 32;
/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 128;

/// Name of a stream: `category-id`, for example `plan-0190c8a2-…`.
///
/// The category is lower-case ASCII letters, digits and `_`, starts with a letter and
/// has at most 32 bytes. The id is ASCII letters, digits and `- _ . : @ ~ +`, 1 to 128
/// bytes. The first `-` separates them.
///
/// Cloning is cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName {
    text: Arc<str>,
    category_bytes: usize,
}

/// Why a text is no stream name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidStreamName {
    /// There is no `-`.
    #[error("stream name {0:?} has no '-' between category and id; write it as category-id")]
    NoSeparator(String),
    /// The category is empty, too long or has a character that it may not have.
    #[error(
        "stream category {0:?} must be 1 to 32 lower-case ASCII letters, digits or '_', starting with a letter"
    )]
    Category(String),
    /// The id is empty, too long or has a character that it may not have.
    #[error("stream id {0:?} must be 1 to 128 ASCII letters, digits or one of - _ . : @ ~ +")]
    Id(String),
}

impl StreamName {
    /// The stream of `id` in `category`.
    ///
    /// # Errors
    /// [`InvalidStreamName`] if one of them has a character or a length that is not allowed.
    pub fn new(category: &str, id: &str) -> Result<Self, InvalidStreamName> {
        check_category(category)?;
        check_id(id)?;
        Ok(Self {
            text: format!("{category}-{id}").into(),
            category_bytes: category.len(),
        })
    }

    /// What stands before the first `-`.
    #[must_use]
    pub fn category(&self) -> &str {
        &self.text[..self.category_bytes]
    }

    /// What stands after the first `-`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text[self.category_bytes + 1..]
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn check_category(category: &str) -> Result<(), InvalidStreamName> {
    let starts_well = category.starts_with(|c: char| c.is_ascii_lowercase());
    let all_well = category
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if starts_well && all_well && category.len() <= CATEGORY_BYTES_MAX {
        Ok(())
    } else {
        Err(InvalidStreamName::Category(category.to_owned()))
    }
}

fn check_id(id: &str) -> Result<(), InvalidStreamName> {
    let all_well = id
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.:@~+".contains(&b));
    if !id.is_empty() && all_well && id.len() <= ID_BYTES_MAX {
        Ok(())
    } else {
        Err(InvalidStreamName::Id(id.to_owned()))
    }
}

impl FromStr for StreamName {
    type Err = InvalidStreamName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (category, id) = text
            .split_once('-')
            .ok_or_else(|| InvalidStreamName::NoSeparator(text.to_owned()))?;
        Self::new(category, id)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamName({})", self.text)
    }
}

impl Serialize for StreamName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for StreamName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_splits_at_its_first_hyphen() {
        let name: StreamName = "plan-0190c8a2-7d1e".parse().unwrap();
        assert_eq!(name.category(), "plan");
        assert_eq!(name.id(), "0190c8a2-7d1e");
        assert_eq!(name, StreamName::new("plan", "0190c8a2-7d1e").unwrap());
        assert_eq!(name.to_string(), "plan-0190c8a2-7d1e");
    }

    #[test]
    fn a_name_survives_json() {
        let name = StreamName::new("account", "operator:root").unwrap();
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(json, r#""account-operator:root""#);
        assert_eq!(serde_json::from_str::<StreamName>(&json).unwrap(), name);
    }

    #[test]
    fn names_that_could_be_misread_are_refused() {
        for text in [
            "",
            "plan",
            "-x",
            "plan-",
            "Plan-x",
            "1plan-x",
            "plan-a b",
            "plan-台帳",
        ] {
            assert!(text.parse::<StreamName>().is_err(), "{text:?} was accepted");
        }
        assert!(StreamName::new("plan-x", "y").is_err());
        assert!(StreamName::new("plan", &"x".repeat(ID_BYTES_MAX + 1)).is_err());
        assert!(serde_json::from_str::<StreamName>(r#""plan""#).is_err());
    }
}
