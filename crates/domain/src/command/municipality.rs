//! Registering a municipality.

use serde::{Deserialize, Serialize};

use super::{Action, Command, Context, Fact, NAME_CHARACTERS_MAX, Scope, Subject, text_within};
use crate::event::Event;
use crate::id::MunicipalityId;
use crate::municipality::is_local_gov_code;
use crate::rejection::Rejection;
use crate::stream::StreamId;
use crate::world::View;

/// Registers a municipality. Given by the operator at first start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterMunicipality {
    /// Its new identity.
    pub municipality: MunicipalityId,
    /// 全国地方公共団体コード, six digits.
    pub local_gov_code: String,
    /// 団体名.
    pub name: String,
    /// Marks the log as a demo's.
    pub demo: bool,
}

impl Command for RegisterMunicipality {
    const ACTION: Action = Action::RegisterMunicipality;

    fn subject(&self) -> Subject {
        Subject {
            municipality: Some(self.municipality),
            ..Subject::default()
        }
    }

    fn scope(&self, _view: &View<'_>) -> Result<Scope, Rejection> {
        Ok(Scope::default())
    }

    fn decide(&self, view: &View<'_>, _context: &Context) -> Result<Vec<Fact>, Rejection> {
        let stream = StreamId::Municipality(self.municipality);
        view.must_be_new(stream, "municipality")?;
        text_within("name", &self.name, NAME_CHARACTERS_MAX)?;
        if !is_local_gov_code(&self.local_gov_code) {
            return Err(Rejection::invalid(
                "local_gov_code",
                format!(
                    "'{}' is not a local government code: six digits, the last one a check digit (砂川市 has 012262)",
                    self.local_gov_code
                ),
                "全国地方公共団体コード(6桁)が正しくありません。検査数字まで確認してください。",
            ));
        }
        Ok(vec![Fact::new(
            stream,
            Event::MunicipalityRegistered {
                municipality: self.municipality,
                local_gov_code: self.local_gov_code.clone(),
                name: self.name.clone(),
                demo: self.demo,
            },
        )])
    }
}
