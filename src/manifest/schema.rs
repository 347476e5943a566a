//! The JSON schema (draft-07) of `town.toml`.
//!
//! Tests make it from the types that read a manifest, and hold the committed file to that. The
//! program has the file's text: so it need not have what makes it.

use serde_json::Value;

/// The schema as JSON text with a newline at its end.
#[must_use]
pub const fn schema_text() -> &'static str {
    include_str!("../../schema/town.schema.json")
}

/// The schema of `town.toml`.
///
/// Every table refuses unknown fields, every field has a description, and no type allows `null`,
/// which TOML lacks.
#[must_use]
pub fn schema() -> Value {
    // A test reads the same text.
    serde_json::from_str(schema_text()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod made {
    //! Makes the schema from the types.

    use schemars::Schema;
    use schemars::generate::SchemaSettings;
    use schemars::transform::{Transform, transform_subschemas};
    use serde_json::Value;

    use crate::manifest::wire;

    /// The schema of `town.toml`, as the types have it.
    pub(crate) fn schema() -> Value {
        let settings = SchemaSettings::draft07()
            .with_transform(NoNull)
            .with_transform(NoDefault)
            .with_transform(Unwrapped);
        settings
            .into_generator()
            .into_root_schema_for::<wire::Manifest>()
            .to_value()
    }

    /// A schema of another room, with [`Unwrapped`] descriptions.
    pub(crate) fn unwrapped(mut schema: Schema) -> Schema {
        Unwrapped.transform(&mut schema);
        schema
    }

    /// Removes `null` from the types of `Option` fields.
    #[derive(Debug, Clone)]
    struct NoNull;

    impl Transform for NoNull {
        fn transform(&mut self, schema: &mut Schema) {
            transform_subschemas(self, schema);
            let Some(object) = schema.as_object_mut() else {
                return;
            };
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [kind] = types.as_slice() {
                    let kind = kind.clone();
                    object.insert("type".to_owned(), kind);
                }
            }
            if let Some(Value::Array(mut branches)) = object.remove("anyOf") {
                branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
                let name = if branches.len() == 1 {
                    "allOf"
                } else {
                    "anyOf"
                };
                object.insert(name.to_owned(), Value::Array(branches));
            }
        }
    }

    /// Joins the lines of each paragraph of a description.
    ///
    /// Descriptions are doc comments, and a doc comment breaks its lines only for the source code.
    #[derive(Debug, Clone)]
    struct Unwrapped;

    impl Transform for Unwrapped {
        fn transform(&mut self, schema: &mut Schema) {
            transform_subschemas(self, schema);
            let Some(Value::String(text)) = schema.get_mut("description") else {
                return;
            };
            let paragraphs = text.split("\n\n").map(|lines| lines.replace('\n', " "));
            *text = paragraphs.collect::<Vec<_>>().join("\n\n");
        }
    }

    /// Removes serde's defaults. They are all "absent"; the descriptions say the real defaults.
    #[derive(Debug, Clone)]
    struct NoDefault;

    impl Transform for NoDefault {
        fn transform(&mut self, schema: &mut Schema) {
            transform_subschemas(self, schema);
            schema.remove("default");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_closed_described_and_without_null() {
        fn walk(value: &Value, path: &str) {
            match value {
                Value::Object(map) => {
                    assert!(map.get("type").is_none_or(|t| t != "null"), "{path}");
                    if let Some(Value::Object(properties)) = map.get("properties") {
                        assert_eq!(
                            map.get("additionalProperties"),
                            Some(&Value::Bool(false)),
                            "{path}"
                        );
                        for (name, property) in properties {
                            assert!(
                                property.get("description").is_some(),
                                "{path}/{name} has no description"
                            );
                        }
                    }
                    for branch in map
                        .get("oneOf")
                        .and_then(Value::as_array)
                        .into_iter()
                        .flatten()
                    {
                        assert!(
                            branch.get("description").is_some(),
                            "{path}: a word without description"
                        );
                    }
                    map.iter()
                        .for_each(|(key, value)| walk(value, &format!("{path}/{key}")));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, path)),
                Value::Null => panic!("null at {path}"),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        walk(&schema(), "");
    }
}
