//! Commentary: why the figure is what it is, and what comes next.

use serde::{Deserialize, Serialize};

/// The most characters that one text of a commentary may have. The real sheet's longest is
/// 181; ten pages of manuscript paper are room enough and an event stays bounded.
pub const COMMENTARY_CHARACTERS_MAX: usize = 4_000;

/// The two questions of the sheet's last column, and the text as it was once written in one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Commentary {
    /// 増減理由: why the figure rose or fell.
    pub reason: String,
    /// 今後の取組: what is done next.
    pub next_action: String,
    /// 原文: one text for both, as imported; kept word for word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
}

impl Commentary {
    /// A text that was written as one.
    pub fn from_original(text: impl Into<String>) -> Self {
        Self {
            original: Some(text.into()),
            ..Self::default()
        }
    }

    /// The text as one cell shows it.
    pub fn as_one_text(&self) -> String {
        match &self.original {
            Some(text) => text.clone(),
            None => format!("{}{}", self.reason, self.next_action),
        }
    }

    /// Whether nothing is said.
    pub fn is_blank(&self) -> bool {
        // Characters without width look blank too.
        let is_invisible = |c: char| {
            c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
        };
        self.as_one_text().chars().all(is_invisible)
    }
}
