//! Documents made from the schema's own text, so that no field is forgotten.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{FieldDefinition, TypeKind, TypeSystemDefinition};

use crate::service::{City, unused_id};
use serde_json::{Value, json};

/// The schema, to be walked.
pub struct Walk {
    types: BTreeMap<String, TypeKind>,
}

impl Walk {
    pub fn new() -> Self {
        let types = parse_schema(daicho_graphql::sdl())
            .unwrap()
            .definitions
            .into_iter()
            .filter_map(|definition| match definition {
                TypeSystemDefinition::Type(definition) => {
                    Some((definition.node.name.node.to_string(), definition.node.kind))
                }
                _ => None,
            });
        Self {
            types: types.collect(),
        }
    }

    /// The fields of an object type.
    pub fn fields(&self, name: &str) -> Vec<&FieldDefinition> {
        match &self.types[name] {
            TypeKind::Object(object) => object.fields.iter().map(|field| &field.node).collect(),
            _ => panic!("{name} is no object type"),
        }
    }

    /// A selection of everything below a value of this type.
    pub fn everything(&self, name: &str) -> String {
        match self.types.get(name) {
            Some(TypeKind::Object(_)) => {
                let fields = self.fields(name).into_iter().map(|field| {
                    assert!(
                        field.arguments.is_empty(),
                        "{name}.{} has arguments",
                        field.name.node
                    );
                    format!("{} {}", field.name.node, self.everything(&base(field)))
                });
                format!("{{ __typename {} }}", fields.collect::<Vec<_>>().join(" "))
            }
            Some(TypeKind::Union(union)) => {
                let members = union.members.iter().map(|member| {
                    format!("... on {} {}", member.node, self.everything(&member.node))
                });
                format!("{{ __typename {} }}", members.collect::<Vec<_>>().join(" "))
            }
            _ => String::new(),
        }
    }

    /// The names of the fields of `Query` or `Mutation`.
    pub fn names(&self, root: &str) -> Vec<String> {
        self.fields(root)
            .into_iter()
            .map(|field| field.name.node.to_string())
            .collect()
    }

    /// A document that asks for everything of one field of `Query` or `Mutation`, with its
    /// variables, about things that exist in `city`.
    pub fn ask_for(&self, city: &City, root: &str, name: &str) -> (String, Value) {
        let field = self
            .fields(root)
            .into_iter()
            .find(|field| field.name.node == name)
            .unwrap();
        let mut variables = serde_json::Map::new();
        let (mut declared, mut given) = (Vec::new(), Vec::new());
        for argument in &field.arguments {
            let (argument, ty) = (
                argument.node.name.node.as_str(),
                argument.node.ty.node.to_string(),
            );
            declared.push(format!("${argument}: {ty}"));
            given.push(format!("{argument}: ${argument}"));
            let value = match ty.trim_end_matches('!') {
                input if input.ends_with("Input") => self.input(city, input),
                _ => value(city, argument, &ty),
            };
            variables.insert(argument.to_owned(), value);
        }
        let list = |open: &str, items: Vec<String>, close: &str| {
            if items.is_empty() {
                String::new()
            } else {
                format!("{open}{}{close}", items.join(", "))
            }
        };
        let document = format!(
            "{} {} {{ {name}{} {} }}",
            root.to_lowercase(),
            list("(", declared, ")"),
            list("(", given, ")"),
            self.everything(&base(field))
        );
        (document, Value::Object(variables))
    }

    fn input(&self, city: &City, name: &str) -> Value {
        let TypeKind::InputObject(input) = &self.types[name] else {
            panic!("{name} is no input")
        };
        let fields = input.fields.iter().map(|field| {
            let (field, ty) = (
                field.node.name.node.as_str(),
                field.node.ty.node.to_string(),
            );
            let value = match ty.trim_matches(['!', '[', ']']) {
                inner if inner.ends_with("Input") => {
                    let inner = self.input(city, inner);
                    if ty.starts_with('[') {
                        json!([inner])
                    } else {
                        inner
                    }
                }
                _ => value(city, field, &ty),
            };
            (field.to_owned(), value)
        });
        Value::Object(fields.collect())
    }
}

fn base(field: &FieldDefinition) -> String {
    field
        .ty
        .node
        .to_string()
        .trim_matches(['[', ']', '!'])
        .to_owned()
}

/// Something acceptable for an argument of this name and type; of things that exist, where
/// there are any.
fn value(city: &City, name: &str, ty: &str) -> Value {
    let played = &city.played;
    match name {
        "commandId" => json!(city.service.app.new_id()),
        "municipality" => json!(played.municipality),
        "department" if ty == "ID!" => {
            json!(city.service.app.departments(played.municipality)[0].id)
        }
        "department" | "onBehalfOf" | "mail" | "status" | "number" => Value::Null,
        "plan" => json!(played.plan),
        "id" if ty == "ID!" => json!(played.plan),
        "id" => json!(city.service.app.new_id()),
        "indicator" => json!(played.corrected),
        "account" => json!(city.account("planning.2")),
        "grant" => json!(unused_id()),
        "placement" if ty == "ID!" => json!(unused_id()),
        "fiscalYear" | "effectiveFrom" => json!(played.published_year.short()),
        "from" | "until" | "due" | "validFrom" | "validTo" | "decidedOn" | "expectedFinalOn" => {
            json!("2024-04-01")
        }
        "expiresAt" => json!("2024-04-01T00:00:00Z"),
        "content" => json!("0".repeat(64)),
        "contentBase64" => json!("YQ=="),
        "placement" => Value::Null,
        "kind" => json!("actual"),
        "role" => json!("auditor"),
        "direction" => json!("higher"),
        "basis" => json!("final_year"),
        "code" => json!("other"),
        "approvals" => json!(["課長承認"]),
        "dryRun" | "withResults" => json!(true),
        "provisional" => json!(false),
        "first" => json!(10),
        "minPosition" => json!("0"),
        "seenRevision" => json!(999),
        "text" => json!("12.5"),
        "planFile" => Value::Null,
        _ if ty.starts_with("String") => json!("text"),
        _ => panic!("no value is known for {name}: {ty}"),
    }
}
