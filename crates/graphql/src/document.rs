//! What a document may be before it is executed. GraphQL's own limits on depth and complexity
//! follow every fragment spread as often as it is written, which a small document can make
//! more often than a computer can count; so documents are measured here before.

use std::collections::HashMap;

use async_graphql::parser::types::{Directive, ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Request};
use async_graphql_value::Value;

/// The longest document, in bytes. The longest of the service's own is a tenth of it.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;

/// How many selections and argument values a document may have with all fragments written
/// out. The whole sheet with every field has about 400.
const EXPANDED_MAX: u64 = 10_000;

/// How deep brackets of any kind may nest: the parser calls itself for each.
const NESTING_MAX: usize = 64;

/// Why a document is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentRefused {
    /// It is longer than 64 KiB.
    #[error("{}", self.message())]
    TooLarge,
    /// It asks for too much, nests too deep, or its fragments contain themselves.
    #[error("{}", self.message())]
    TooComplex,
}

impl DocumentRefused {
    /// Stable code for clients.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "document_too_large",
            Self::TooComplex => "query_too_complex",
        }
    }

    /// The refusal in English, with what to do.
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooLarge => {
                "the document is larger than 64 KiB; send less at once, and values as variables"
            }
            Self::TooComplex => {
                "the document is too complex; ask for less at once, with fewer fragments and less nesting"
            }
        }
    }

    /// The refusal in Japanese, with what to do.
    pub const fn ja(self) -> &'static str {
        match self {
            Self::TooLarge => {
                "要求の文書が 64 KiB を超えています。分けて送信し、値は変数で渡してください。"
            }
            Self::TooComplex => {
                "要求が複雑すぎます。項目・フラグメント・入れ子を減らし、分けて送信してください。"
            }
        }
    }
}

/// Measures the document of `request` in time that grows with its length only. What cannot be
/// parsed passes: the schema says what is wrong with it.
///
/// # Errors
/// [`DocumentRefused`] where executing the document could take unreasonably long.
pub fn check_document(request: &mut Request) -> Result<(), DocumentRefused> {
    if request.query.len() > DOCUMENT_BYTES_MAX {
        return Err(DocumentRefused::TooLarge);
    }
    if nests_too_deep(&request.query) {
        return Err(DocumentRefused::TooComplex);
    }
    let Ok(document) = request.parsed_query() else {
        return Ok(());
    };
    match Expansion::of(document) {
        Some(size) if size <= EXPANDED_MAX => Ok(()),
        _ => Err(DocumentRefused::TooComplex),
    }
}

/// Whether brackets outside of strings and comments nest deeper than allowed.
fn nests_too_deep(document: &str) -> bool {
    let mut rest = document.as_bytes();
    let mut depth = 0_usize;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > NESTING_MAX {
                    return true;
                }
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => rest = after_comment(after),
            b'"' => {
                rest = match after {
                    [b'"', b'"', block @ ..] => after_block_string(block),
                    line => after_string(line),
                }
            }
            _ => {}
        }
    }
    false
}

fn after_comment(mut rest: &[u8]) -> &[u8] {
    while let [first, after @ ..] = rest {
        if matches!(first, b'\n' | b'\r') {
            break;
        }
        rest = after;
    }
    rest
}

fn after_string(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b'\\', _, after @ ..] => after,
            [b'"', after @ ..] => return after,
            // A string ends with its line at the latest; what follows is measured again.
            [] | [b'\n' | b'\r', ..] => return rest,
            [_, after @ ..] => after,
        };
    }
}

fn after_block_string(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b'\\', b'"', b'"', b'"', after @ ..] => after,
            [b'"', b'"', b'"', after @ ..] => return after,
            [] => return rest,
            [_, after @ ..] => after,
        };
    }
}

/// The size of a document with its fragments written out; each fragment is measured once.
struct Expansion<'d> {
    document: &'d ExecutableDocument,
    /// None while a fragment is being measured.
    fragments: HashMap<&'d str, Option<u64>>,
}

impl<'d> Expansion<'d> {
    /// The size of `document`; none where a fragment contains itself.
    fn of(document: &'d ExecutableDocument) -> Option<u64> {
        let mut expansion = Self {
            document,
            fragments: HashMap::new(),
        };
        let mut size = 0_u64;
        for (_, operation) in document.operations.iter() {
            let operation = &operation.node;
            let selected = expansion.selections(&operation.selection_set.node)?;
            size = size
                .saturating_add(selected)
                .saturating_add(directives(&operation.directives));
        }
        // The rules are also applied to fragments that no operation spreads.
        for name in document.fragments.keys() {
            size = size.saturating_add(expansion.fragment(name.as_str())?);
        }
        Some(size)
    }

    fn selections(&mut self, set: &'d SelectionSet) -> Option<u64> {
        let mut size = 0_u64;
        for item in &set.items {
            let below = match &item.node {
                Selection::Field(field) => {
                    let below = self.selections(&field.node.selection_set.node)?;
                    below.saturating_add(arguments(&field.node))
                }
                Selection::InlineFragment(inline) => {
                    self.selections(&inline.node.selection_set.node)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(spread.node.fragment_name.node.as_str())?
                }
            };
            size = size
                .saturating_add(1)
                .saturating_add(below)
                .saturating_add(directives(item.node.directives()));
        }
        Some(size)
    }

    fn fragment(&mut self, name: &'d str) -> Option<u64> {
        if let Some(known) = self.fragments.get(name) {
            return *known;
        }
        let Some(fragment) = self.document.fragments.get(name) else {
            // The schema says that there is no such fragment.
            return Some(0);
        };
        self.fragments.insert(name, None);
        let size = self
            .selections(&fragment.node.selection_set.node)?
            .saturating_add(directives(&fragment.node.directives));
        self.fragments.insert(name, Some(size));
        Some(size)
    }
}

fn arguments(field: &Field) -> u64 {
    values(&field.arguments)
}

fn directives(directives: &[Positioned<Directive>]) -> u64 {
    directives.iter().fold(0, |size, directive| {
        size.saturating_add(1)
            .saturating_add(values(&directive.node.arguments))
    })
}

fn values(arguments: &[(Positioned<Name>, Positioned<Value>)]) -> u64 {
    arguments.iter().fold(0, |size, (_, value)| {
        size.saturating_add(value_size(&value.node))
    })
}

fn value_size(value: &Value) -> u64 {
    let inside = match value {
        Value::List(items) => items.iter().map(value_size).fold(0, u64::saturating_add),
        Value::Object(fields) => fields.values().map(value_size).fold(0, u64::saturating_add),
        _ => 0,
    };
    inside.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: impl Into<String>) -> Result<(), DocumentRefused> {
        check_document(&mut Request::new(document))
    }

    /// `levels` fragments, each of which spreads the next one `spreads` times.
    fn tower(levels: usize, spreads: usize) -> String {
        let mut document = "{ ...F0 }".to_owned();
        for level in 0..levels {
            let next = format!("...F{} ", level + 1).repeat(spreads);
            document += &format!(" fragment F{level} on Query {{ {next} }}");
        }
        document + &format!(" fragment F{levels} on Query {{ service {{ version }} }}")
    }

    #[test]
    fn a_short_document_whose_fragments_multiply_is_refused() {
        assert!(tower(30, 3).len() < 2_500);
        for (levels, spreads) in [(30, 3), (30, 100), (300, 9)] {
            let refused = check(tower(levels, spreads));
            assert_eq!(
                refused,
                Err(DocumentRefused::TooComplex),
                "{levels} × {spreads}"
            );
        }
        assert_eq!(check(tower(5, 3)), Ok(()));
    }

    #[test]
    fn fragments_that_nothing_spreads_count_too() {
        let unused = tower(30, 3).replace("{ ...F0 }", "{ service { version } }");
        assert_eq!(check(unused), Err(DocumentRefused::TooComplex));
    }

    #[test]
    fn a_fragment_that_contains_itself_is_refused() {
        for circle in [
            "{ ...A } fragment A on Query { ...A }",
            "{ ...A } fragment A on Query { ...B } fragment B on Query { service { version } ...A }",
        ] {
            assert_eq!(check(circle), Err(DocumentRefused::TooComplex), "{circle}");
        }
    }

    #[test]
    fn arguments_count_as_often_as_they_are_spread() {
        let list = "1,".repeat(200);
        let spreads = "...A ".repeat(60);
        let document =
            format!("{{ {spreads} }} fragment A on Query {{ sheet(plan: [{list}]) {{ title }} }}");
        assert_eq!(check(document), Err(DocumentRefused::TooComplex));
    }

    #[test]
    fn a_long_document_is_refused_unread() {
        let long = format!("{{ {} }}", "a ".repeat(DOCUMENT_BYTES_MAX / 2));
        assert_eq!(check(long), Err(DocumentRefused::TooLarge));
    }

    #[test]
    fn brackets_nested_too_deep_are_refused_before_they_are_parsed() {
        for open in ["{a", "{a(b:[", "[", "{a(b:{c:"] {
            let deep = open.repeat(DOCUMENT_BYTES_MAX / open.len());
            assert_eq!(check(deep), Err(DocumentRefused::TooComplex), "{open}");
        }
        let brackets = "[{(".repeat(100);
        let quoted = format!(
            "{{ a(b: \"{brackets}\\\"{brackets}\", c: \"\"\"{brackets}\n\\\"\"\"{brackets}\"\"\") # {brackets}\n }}"
        );
        assert_eq!(check(quoted), Ok(()));
    }

    #[test]
    fn what_is_no_document_is_left_to_the_schema() {
        assert_eq!(check("{"), Ok(()));
        assert_eq!(check("{ ...Nowhere }"), Ok(()));
    }
}
