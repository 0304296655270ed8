//! Which passwords are taken.

use std::collections::BTreeSet;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;

/// Fewest characters of a password: 15, because it is the only factor (NIST SP 800-63B).
pub const PASSWORD_CHARS_MIN: usize = 15;

/// Most characters of a password.
pub const PASSWORD_CHARS_MAX: usize = 256;

/// Characters that must be left when everything that is easily guessed has been taken out.
const UNPREDICTABLE_CHARS_MIN: usize = 8;
/// How many of them must differ.
const DIFFERENT_CHARS_MIN: usize = 5;

/// Words that guessers try first, here or anywhere. Lower case, NFKC; longer ones first
/// where one contains another.
const GUESSED_FIRST: &[&str] = &[
    "daicho",
    "daityo",
    "daichou",
    "台帳",
    "だいちょう",
    "kpi",
    "souken",
    "sogo",
    "sougou",
    "senryaku",
    "総合戦略",
    "総合計画",
    "shiyakusho",
    "yakusho",
    "yakuba",
    "市役所",
    "役場",
    "役所",
    "shichouson",
    "shicho",
    "chosha",
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "passphrase",
    "pasuwado",
    "パスワード",
    "ぱすわーど",
    "暗証番号",
    "administrator",
    "admin",
    "kanrisha",
    "管理者",
    "root",
    "guest",
    "login",
    "letmein",
    "welcome",
    "changeme",
    "secret",
    "default",
    "iloveyou",
    "konnichiwa",
    "nihon",
    "nippon",
    "japan",
    "tokyo",
    "sakura",
    "samurai",
    "pokemon",
    "baseball",
    "football",
    "dragon",
    "monkey",
    "princess",
    "sunshine",
    "master",
    "qwertyuiop",
    "qwerty",
    "asdfghjkl",
    "asdfgh",
    "zxcvbnm",
    "zxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "1q2w3e4r",
    "q1w2e3r4",
    "reiwa",
    "heisei",
    "showa",
    "令和",
    "平成",
    "昭和",
];

/// Why a password was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordRefused {
    /// Fewer than [`PASSWORD_CHARS_MIN`] characters.
    #[error(
        "the password has {chars} characters; take at least {PASSWORD_CHARS_MIN}, \
         for example four or five words that have nothing to do with each other"
    )]
    TooShort {
        /// How many it has, after normalisation.
        chars: usize,
    },
    /// More than [`PASSWORD_CHARS_MAX`] characters.
    #[error("the password has more than {PASSWORD_CHARS_MAX} characters; take a shorter one")]
    TooLong,
    /// Little of it is left without names, common words, sequences and repetitions.
    #[error(
        "the password is mostly a name, common words, a sequence or a repetition, \
         which are guessed first; take words that have nothing to do with you, \
         this service or the municipality"
    )]
    TooGuessable,
}

/// A password as it is hashed: NFKC, so that it is the same from every keyboard. `None` if
/// it is longer than any password taken.
pub(crate) fn normalised(password: &str) -> Option<String> {
    // Counted before, too: NFKC makes up to 18 characters of one.
    if password.chars().nth(PASSWORD_CHARS_MAX).is_some() {
        return None;
    }
    let normalised: String = password.nfkc().collect();
    normalised
        .chars()
        .nth(PASSWORD_CHARS_MAX)
        .is_none()
        .then_some(normalised)
}

/// The normalised password, if it may be taken by the person with this sign-in name.
/// `local_words` are what is easily guessed here, such as the municipality's name.
pub(crate) fn accepted(
    password: &str,
    sign_in_name: &str,
    local_words: &[&str],
) -> Result<String, PasswordRefused> {
    let password = normalised(password).ok_or(PasswordRefused::TooLong)?;
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(PasswordRefused::TooShort { chars });
    }
    let mut rest = password.to_lowercase();
    let own = sign_in_name
        .split(['.', '-', '_'])
        .chain([sign_in_name])
        .map(str::to_owned);
    let local = local_words
        .iter()
        .map(|word| word.nfkc().collect::<String>().to_lowercase());
    let mut known: Vec<String> = own
        .chain(local)
        .chain(GUESSED_FIRST.iter().map(|word| (*word).to_owned()))
        // Shorter ones are in every other passphrase.
        .filter(|word| word.chars().count() >= 2 && (word.len() >= 3 || !word.is_ascii()))
        .collect();
    known.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in &known {
        rest = rest.replace(word.as_str(), " ");
    }

    let unpredictable = unpredictable(&rest);
    let different: BTreeSet<char> = unpredictable.iter().copied().collect();
    if unpredictable.len() < UNPREDICTABLE_CHARS_MIN || different.len() < DIFFERENT_CHARS_MIN {
        return Err(PasswordRefused::TooGuessable);
    }
    Ok(password)
}

/// The characters that do not simply continue from the one before (`aaa`, `123`, `cba`).
fn unpredictable(text: &str) -> Vec<char> {
    let mut previous: Option<char> = None;
    let mut left = Vec::new();
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let continues = previous.is_some_and(|previous| (previous as u32).abs_diff(c as u32) <= 1);
        if !continues {
            left.push(c);
        }
        previous = Some(c);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(password: &str) -> Result<String, PasswordRefused> {
        accepted(password, "staff.shoko", &["みなと市", "minato"])
    }

    #[test]
    fn fifteen_characters_are_enough_and_fourteen_are_not() {
        assert!(judge("kestrel ox vine").is_ok());
        assert_eq!(
            judge("kestrel ox vin"),
            Err(PasswordRefused::TooShort { chars: 14 })
        );
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(
            judge("海辺の古い灯台"),
            Err(PasswordRefused::TooShort { chars: 7 })
        );
        assert!(judge("海辺の古い灯台と三匹の眠る猫たち").is_ok());
    }

    #[test]
    fn more_than_256_characters_are_refused_before_and_after_normalisation() {
        let varied: String = "kestrel ox vine ".chars().cycle().take(256).collect();
        assert!(judge(&varied).is_ok());
        assert_eq!(judge(&format!("{varied}x")), Err(PasswordRefused::TooLong));
        // One character that NFKC writes as 18.
        assert_eq!(
            judge(&"\u{fdfa}".repeat(100)),
            Err(PasswordRefused::TooLong)
        );
    }

    #[test]
    fn full_width_and_half_width_letters_are_the_same_password() {
        assert_eq!(judge("ｋｅｓｔｒｅｌ ox vine"), judge("kestrel ox vine"));
    }

    #[test]
    fn what_is_easily_guessed_is_refused() {
        for password in [
            "staff.shokostaff.shoko",
            "Staff.Shoko2026!",
            "shoko shoko shoko shoko",
            "daicho-password-1",
            "DaichoDaicho2026",
            "みなと市役所台帳パスワード令和八年",
            "Minato-Minato-2026",
            "passwordpassword",
            "123456789012345678",
            "aaaaaaaaaaaaaaaaaaaa",
            "abcdefghijklmnopqrstuvwxyz",
            "qwertyuiopasdfghjkl",
            "xk7xk7xk7xk7xk7xk7",
            "                    ",
        ] {
            assert_eq!(
                judge(password),
                Err(PasswordRefused::TooGuessable),
                "{password}"
            );
        }
    }

    #[test]
    fn a_blocked_word_among_others_does_no_harm() {
        assert!(judge("sakura kestrel gravel umbrella").is_ok());
    }
}
