//! The difference between two JSON values, as a merge patch (RFC 7386).

use serde_json::{Map, Value};

/// A value without its nulls. A merge patch uses null for what is gone; what is absent is read as
/// none.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(entries) => Value::Object(
            entries
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            value
        }
    }
}

/// What makes `new` of `old`; none if they are the same.
pub(super) fn difference(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        return Some(new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        match old.get(key) {
            Some(before) => {
                patch.extend(difference(before, value).map(|value| (key.clone(), value)));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    patch.extend(gone.map(|key| (key.clone(), Value::Null)));
    Some(Value::Object(patch))
}

/// Makes the new value of the old one.
pub(super) fn apply(value: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *value = patch;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(entries) = value else {
        return;
    };
    for (key, patch) in patch {
        if patch.is_null() {
            entries.remove(&key);
        } else {
            apply(entries.entry(key).or_insert(Value::Null), patch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_makes_the_new_of_the_old() {
        let values = [
            json!({}),
            json!({"a": 1}),
            json!({"a": 1, "b": {"c": [1, null]}}),
            json!({"a": 2, "b": {"d": "x"}}),
            json!({"a": {"alive": {"pid": 1}}}),
            json!({"a": {"dead": {"exit": 1}}}),
            json!({"b": "text"}),
        ];
        for old in &values {
            for new in &values {
                let mut value = old.clone();
                if let Some(patch) = difference(old, new) {
                    apply(&mut value, patch);
                }
                assert_eq!(&value, new, "from {old}");
            }
        }
        assert_eq!(difference(&values[2], &values[2]), None);
        assert_eq!(
            difference(&values[2], &values[3]),
            Some(json!({"a": 2, "b": {"c": null, "d": "x"}}))
        );
    }
}
