//! Scalars: values that GraphQL has no type for, exactly as the records write them.

use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    Scalar, ScalarType, ServerResult, Value,
};

use crate::failure::Failure;

fn parse_text<T: FromStr<Err: Display>, S: ScalarType + InputType>(
    value: Value,
) -> Result<T, InputValueError<S>> {
    match value {
        Value::String(text) => text.parse().map_err(InputValueError::custom),
        other => Err(InputValueError::expected_type(other)),
    }
}

/// A fiscal year: answered as `R3`, understood as `R3`, `2021`, `FY2021` or `令和3年度`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FiscalYear(pub daicho_domain::FiscalYear);

/// A fiscal year: answered as `R3`, understood as `R3`, `2021`, `FY2021` or `令和3年度`.
#[Scalar]
impl ScalarType for FiscalYear {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::Number(number) => number
                .to_string()
                .parse()
                .map(Self)
                .map_err(InputValueError::custom),
            other => parse_text(other).map(Self),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.short())
    }
}

impl From<daicho_domain::FiscalYear> for FiscalYear {
    fn from(year: daicho_domain::FiscalYear) -> Self {
        Self(year)
    }
}

/// A decimal number exactly as written: trailing zeros say how exact it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal(String);

impl Decimal {
    /// The text of `number`.
    pub(crate) fn new(number: impl Display) -> Self {
        Self(number.to_string())
    }
}

/// A decimal number as text, exactly as written: `"100.0"` is not `"100"`.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        parse_text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A day of the municipality's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date(pub jiff::civil::Date);

/// A day of the municipality's calendar (Asia/Tokyo): `2022-05-31`.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        parse_text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<jiff::civil::Date> for Date {
    fn from(date: jiff::civil::Date) -> Self {
        Self(date)
    }
}

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime(pub jiff::Timestamp);

/// A moment, RFC 3339; answers are in UTC: `2022-05-31T03:00:00Z`.
#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        parse_text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<jiff::Timestamp> for DateTime {
    fn from(moment: jiff::Timestamp) -> Self {
        Self(moment)
    }
}

/// A point in the order of everything that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position(String);

impl Position {
    /// The position that is written like this.
    pub(crate) fn new(position: impl Display) -> Self {
        Self(position.to_string())
    }

    /// The position as the service knows it.
    pub(crate) fn to_app(&self) -> Result<daicho_app::Position, Failure> {
        self.0.parse().map_err(Failure::internal)
    }
}

/// A point in the order of everything that happened. Opaque: take it from an answer.
#[Scalar]
impl ScalarType for Position {
    fn parse(value: Value) -> InputValueResult<Self> {
        parse_text::<daicho_app::Position, _>(value).map(Self::new)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

impl From<daicho_app::Position> for Position {
    fn from(position: daicho_app::Position) -> Self {
        Self::new(position)
    }
}

/// The hash of exactly what was submitted, approved or accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentHash(pub daicho_domain::report::ContentHash);

/// 64 hexadecimal digits: the hash of exactly what was submitted, approved or accepted.
#[Scalar]
impl ScalarType for ContentHash {
    fn parse(value: Value) -> InputValueResult<Self> {
        parse_text(value).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<daicho_domain::report::ContentHash> for ContentHash {
    fn from(content: daicho_domain::report::ContentHash) -> Self {
        Self(content)
    }
}

/// An identity, as GraphQL's own `ID`. The type behind it keeps ids of different things apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id<T>(pub T);

impl<T> From<T> for Id<T> {
    fn from(id: T) -> Self {
        Self(id)
    }
}

impl<T: FromStr<Err: Display> + Display + Send + Sync> InputType for Id<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let text = <ID as InputType>::parse(value).map_err(InputValueError::propagate)?;
        text.parse().map(Self).map_err(|error| {
            InputValueError::custom(format!(
                "'{}' is no id ({error}); take it from an answer",
                text.0
            ))
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<T: Display + Send + Sync> OutputType for Id<T> {
    fn type_name() -> Cow<'static, str> {
        <ID as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as OutputType>::create_type_info(registry)
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(Value::String(self.0.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fiscal_year_is_understood_in_every_spelling_and_answered_in_one() {
        for value in [
            Value::from("R3"),
            Value::from("2021"),
            Value::from(2021),
            Value::from("FY2021"),
            Value::from("令和3年度"),
        ] {
            let year = <FiscalYear as ScalarType>::parse(value.clone());
            assert!(year.is_ok(), "{value}");
            assert_eq!(
                ScalarType::to_value(&year.unwrap_or(FiscalYear(daicho_domain::FiscalYear(1990)))),
                Value::from("R3")
            );
        }
        assert!(<FiscalYear as ScalarType>::parse(Value::from("3年度")).is_err());
    }

    #[test]
    fn an_id_of_something_else_than_a_uuid_is_refused() {
        type PlanId = Id<daicho_domain::PlanId>;
        let text = "0190c0de-0000-7000-8000-000000000001";
        let id = <PlanId as InputType>::parse(Some(Value::from(text))).ok();
        assert_eq!(
            id.map(|id| InputType::to_value(&id)),
            Some(Value::from(text))
        );
        assert!(<PlanId as InputType>::parse(Some(Value::from("1"))).is_err());
        assert!(<PlanId as InputType>::parse(None).is_err());
    }

    #[test]
    fn a_moment_with_an_offset_is_answered_in_utc() {
        let moment = <DateTime as ScalarType>::parse(Value::from("2022-05-31T12:00:00+09:00")).ok();
        assert_eq!(
            moment.map(|moment| ScalarType::to_value(&moment)),
            Some(Value::from("2022-05-31T03:00:00Z"))
        );
    }
}
