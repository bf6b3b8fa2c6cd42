//! What a build came of: who asked for it, and with what.

use serde::Serialize;
use serde::ser::Serializer;
use serde_json::Value;

use super::look::{Action, Parameter, is_value};

/// What a build came of.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Jenkins's sentences, one for each trigger that was merged into it, in its language.
    pub causes: Vec<String>,
    /// What it runs with.
    pub parameters: Vec<Given>,
}

impl Origin {
    pub(super) fn of(actions: Vec<Option<Action>>) -> Self {
        let mut origin = Self::default();
        for action in actions.into_iter().flatten() {
            let causes = action.causes.into_iter().flatten();
            origin
                .causes
                .extend(causes.filter_map(|cause| cause.short_description));
            let parameters = action.parameters.into_iter().flatten();
            origin.parameters.extend(parameters.map(Given::of));
        }
        origin
    }
}

/// A parameter as a build has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// `None`: Jenkins shows none, or it is a password.
    value: Option<Value>,
}

impl Given {
    fn of(parameter: Parameter) -> Self {
        let is_shown = !parameter.value.is_null() && !parameter.class.contains("Password");
        Self {
            name: parameter.name,
            value: is_shown.then_some(parameter.value),
        }
    }

    /// Its value as far as it may be seen.
    #[must_use]
    pub fn value(&self) -> String {
        match &self.value {
            None => "•••".into(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Whether it may be what was sent, for all that can be seen.
    #[must_use]
    pub fn is(&self, sent: &[u8]) -> bool {
        match &self.value {
            None => true,
            // Jenkins takes whatever is not `true` for `false`.
            Some(Value::Bool(is)) => sent.trim_ascii().eq_ignore_ascii_case(is.to_string().as_bytes()),
            Some(value) => is_value(sent, value),
        }
    }
}

/// A pair of name and value, as `--dry-run` shows what would be sent.
impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, &self.value).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn causes_and_parameters_come_from_whatever_actions_have_them() {
        let actions = json!([
            null,
            {},
            { "_class": "hudson.model.ParametersAction", "parameters": [
                { "_class": "hudson.model.StringParameterValue", "name": "BRANCH", "value": "main" },
                { "_class": "hudson.model.BooleanParameterValue", "name": "DEPLOY", "value": true },
                { "_class": "hudson.model.PasswordParameterValue", "name": "SECRET" },
                { "_class": "hudson.model.PasswordParameterValue", "name": "LEAKED", "value": "hunter2" },
                { "_class": "hudson.model.FileParameterValue", "name": "upload/file.txt" },
            ] },
            { "causes": [{ "shortDescription": "Started by user Ada" }, { "note": null }] },
            { "causes": [{ "shortDescription": "Started by user Ada" }] },
        ]);
        let origin = Origin::of(serde_json::from_value(actions).expect("actions"));
        assert_eq!(origin.causes, ["Started by user Ada"; 2]);
        let shown: Vec<(&str, String)> = origin
            .parameters
            .iter()
            .map(|given| (given.name.as_str(), given.value()))
            .collect();
        assert_eq!(
            shown,
            [
                ("BRANCH", "main".to_owned()),
                ("DEPLOY", "true".into()),
                ("SECRET", "•••".into()),
                ("LEAKED", "•••".into()),
                ("upload/file.txt", "•••".into()),
            ]
        );
        assert_eq!(
            serde_json::to_value(&origin.parameters[2..4]).expect("JSON"),
            json!([["SECRET", null], ["LEAKED", null]])
        );
        let is = |number: usize, sent: &str| origin.parameters[number].is(sent.as_bytes());
        assert_eq!(
            [is(0, "main"), is(0, "dev"), is(1, "TRUE"), is(1, "false")],
            [true, false, true, false]
        );
        assert!(is(2, "anything") && is(3, "anything") && is(4, "anything"));
    }
}
