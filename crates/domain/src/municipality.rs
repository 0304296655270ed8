//! A municipality (市町村).

use serde::{Deserialize, Serialize};

use crate::id::MunicipalityId;

/// What is known of a municipality.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MunicipalityState {
    /// Its identity.
    pub id: MunicipalityId,
    /// 全国地方公共団体コード: six digits, the last one a check digit.
    pub local_gov_code: String,
    /// 団体名.
    pub name: String,
}

/// Whether a 全国地方公共団体コード has six digits and the right check digit
/// (総務省: weights 6…2 over the first five digits, 11 − sum mod 11, last digit of that).
pub fn is_local_gov_code(code: &str) -> bool {
    let digits: Vec<u32> = code.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() != 6 || code.len() != 6 {
        return false;
    }
    let sum: u32 = digits[..5]
        .iter()
        .zip([6, 5, 4, 3, 2])
        .map(|(digit, weight)| digit * weight)
        .sum();
    let check = if sum < 11 { 11 - sum } else { 11 - sum % 11 } % 10;
    digits[5] == check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_checked() {
        for right in ["012262", "131016", "011002", "271004", "400009"] {
            assert!(is_local_gov_code(right), "{right}");
        }
        for wrong in ["012261", "01226", "0122620", "01226x", "", "０１２２６２"] {
            assert!(!is_local_gov_code(wrong), "{wrong}");
        }
    }
}
