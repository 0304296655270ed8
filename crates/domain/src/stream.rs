//! The consistency boundaries (DESIGN §2) and their names in the log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::fiscal_year::FiscalYear;
use crate::id::{AccountId, DepartmentId, IndicatorId, MunicipalityId, PlanId};

/// A stream of events. Printed as `category-id`, the name the log knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamId {
    /// The municipality itself.
    Municipality(MunicipalityId),
    /// One department.
    Department(DepartmentId),
    /// One account and its grants.
    Account(AccountId),
    /// What an account did that changed nothing: sign-ins and refused commands. Apart from
    /// [`Self::Account`], so that a refusal does not disturb commands that rely on grants.
    Activity(AccountId),
    /// A plan: structure, placements, route, documents.
    Plan(PlanId),
    /// An indicator: targets, and the report of every fiscal year.
    Indicator(IndicatorId),
    /// A plan's fiscal year: opened, due, closed, published.
    Period(PlanId, FiscalYear),
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Municipality(id) => write!(f, "municipality-{id}"),
            Self::Department(id) => write!(f, "department-{id}"),
            Self::Account(id) => write!(f, "account-{id}"),
            Self::Activity(id) => write!(f, "activity-{id}"),
            Self::Plan(id) => write!(f, "plan-{id}"),
            Self::Indicator(id) => write!(f, "indicator-{id}"),
            Self::Period(plan, year) => write!(f, "period-{plan}.{}", year.0),
        }
    }
}

/// A name that is no stream of the domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' names no stream that this version of Daicho knows; was the log written by a newer version?"
)]
pub struct UnknownStream(pub String);

impl FromStr for StreamId {
    type Err = UnknownStream;

    fn from_str(name: &str) -> Result<Self, UnknownStream> {
        let unknown = || UnknownStream(name.to_owned());
        fn id<T: FromStr>(text: &str, name: &str) -> Result<T, UnknownStream> {
            text.parse().map_err(|_| UnknownStream(name.to_owned()))
        }
        let (category, rest) = name.split_once('-').ok_or_else(unknown)?;
        match category {
            "municipality" => Ok(Self::Municipality(id(rest, name)?)),
            "department" => Ok(Self::Department(id(rest, name)?)),
            "account" => Ok(Self::Account(id(rest, name)?)),
            "activity" => Ok(Self::Activity(id(rest, name)?)),
            "plan" => Ok(Self::Plan(id(rest, name)?)),
            "indicator" => Ok(Self::Indicator(id(rest, name)?)),
            "period" => {
                let (plan, year) = rest.split_once('.').ok_or_else(unknown)?;
                Ok(Self::Period(
                    id(plan, name)?,
                    FiscalYear(year.parse().map_err(|_| unknown())?),
                ))
            }
            _ => Err(unknown()),
        }
    }
}

impl Serialize for StreamId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn every_stream_is_found_again_by_its_name() {
        let id = Uuid::from_u128(7);
        for stream in [
            StreamId::Municipality(MunicipalityId(id)),
            StreamId::Department(DepartmentId(id)),
            StreamId::Account(AccountId(id)),
            StreamId::Activity(AccountId(id)),
            StreamId::Plan(PlanId(id)),
            StreamId::Indicator(IndicatorId(id)),
            StreamId::Period(PlanId(id), FiscalYear(2021)),
        ] {
            assert_eq!(stream.to_string().parse(), Ok(stream));
        }
        assert!("sheet-7".parse::<StreamId>().is_err());
    }
}
