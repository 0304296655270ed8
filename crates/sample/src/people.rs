//! The people of the sample city. All names are made up.

use daicho_app::IdSource;
use daicho_domain::{AccountId, Role};
use jiff::Timestamp;

use crate::city::departments;

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The role.
    pub role: Role,
    /// Name of the department, for staff and approvers.
    pub department: Option<String>,
}

/// Somebody with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub account: AccountId,
    /// The name to sign in with.
    pub sign_in_name: String,
    /// The name that people read.
    pub display_name: String,
    /// What they do.
    pub duty: Duty,
}

const FAMILY_NAMES: [&str; 32] = [
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "小林",
    "加藤",
    "吉田",
    "山田",
    "佐々木",
    "山口",
    "松本",
    "井上",
    "木村",
    "林",
    "斎藤",
    "清水",
    "山崎",
    "森",
    "池田",
    "橋本",
    "阿部",
    "石川",
    "前田",
    "藤田",
    "小川",
    "岡田",
    "後藤",
    "長谷川",
];

const GIVEN_NAMES: [&str; 16] = [
    "葵",
    "蓮",
    "結衣",
    "大翔",
    "凛",
    "悠真",
    "美咲",
    "健太",
    "陽菜",
    "翔",
    "さくら",
    "拓海",
    "七海",
    "誠",
    "千尋",
    "亮",
];

/// Everybody: administrator, two of the planning office, an auditor, and for each department
/// one who enters and one who approves.
///
/// # Errors
/// When the plan file cannot be read.
pub fn people(ids: &dyn IdSource, now: Timestamp) -> Result<Vec<Person>, toml::de::Error> {
    let mut people: Vec<Person> = Vec::new();
    let mut add = |sign_in_name: String, role: Role, department: Option<String>| {
        let index = people.len();
        people.push(Person {
            account: AccountId(ids.new_id(now)),
            sign_in_name,
            display_name: format!(
                "{} {}",
                FAMILY_NAMES[index % FAMILY_NAMES.len()],
                GIVEN_NAMES[(index * 5 + index / FAMILY_NAMES.len()) % GIVEN_NAMES.len()]
            ),
            duty: Duty { role, department },
        });
    };
    add("admin".into(), Role::Administrator, None);
    add("planning".into(), Role::Planning, None);
    add("planning.2".into(), Role::Planning, None);
    add("auditor".into(), Role::Auditor, None);
    for department in departments()? {
        add(
            format!("staff.{}", department.key),
            Role::Staff,
            Some(department.name.clone()),
        );
        add(
            format!("approver.{}", department.key),
            Role::Approver,
            Some(department.name),
        );
    }
    Ok(people)
}
