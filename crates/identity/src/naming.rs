//! What a name and a mail address may look like.

use crate::person::PersonError;

/// Longest sign-in name, in characters.
pub(crate) const SIGN_IN_NAME_CHARS_MAX: usize = 64;
/// Longest display name, in characters.
pub(crate) const DISPLAY_NAME_CHARS_MAX: usize = 100;
/// Longest mail address (RFC 5321's path without its brackets), in bytes.
pub(crate) const MAIL_BYTES_MAX: usize = 254;

/// A sign-in name as it is compared: without blanks around it, in lower case.
pub(crate) fn as_typed(name: &str) -> String {
    name.trim().to_ascii_lowercase()
}

/// A sign-in name to be looked up. Nobody has a name with a NUL in it, which PostgreSQL does
/// not even let be asked for.
pub(crate) fn as_looked_up(name: &str) -> String {
    as_typed(name).replace('\0', "\u{fffd}")
}

/// The sign-in name as it is kept.
pub(crate) fn sign_in_name(text: &str) -> Result<String, PersonError> {
    let name = as_typed(text);
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let outer = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let fits = name.len() <= SIGN_IN_NAME_CHARS_MAX
        && name.chars().all(inner)
        && outer(name.chars().next())
        && outer(name.chars().next_back());
    if fits {
        Ok(name)
    } else {
        Err(PersonError::SignInNameForm)
    }
}

/// The display name as it is kept.
pub(crate) fn display_name(text: &str) -> Result<String, PersonError> {
    let name = text.trim();
    let fits = !name.is_empty()
        && name.chars().count() <= DISPLAY_NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(PersonError::DisplayNameForm)
    }
}

/// The mail address as it is kept.
pub(crate) fn mail(text: &str) -> Result<String, PersonError> {
    let mail = text.trim();
    // Whether it reaches anybody is for the first mail to find out.
    let fits = mail.len() <= MAIL_BYTES_MAX
        && !mail.chars().any(|c| c.is_control() || c.is_whitespace())
        && mail
            .rsplit_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    if fits {
        Ok(mail.to_owned())
    } else {
        Err(PersonError::MailForm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_cannot_be_used_are_refused() {
        for name in [
            "",
            ".dot",
            "dot.",
            "two words",
            "商工",
            "a@b",
            &"x".repeat(65),
        ] {
            assert!(
                matches!(sign_in_name(name), Err(PersonError::SignInNameForm)),
                "{name}"
            );
        }
        for name in ["", "  ", "two\nlines", &"名".repeat(101)] {
            assert!(matches!(
                display_name(name),
                Err(PersonError::DisplayNameForm)
            ));
        }
        for text in ["", "@", "name@", "@host", "a b@host", "name"] {
            assert!(matches!(mail(text), Err(PersonError::MailForm)), "{text}");
        }
    }
}
