//! From documents to policies: all of them fit the schema and the rules of the log, or none is loaded.

use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use policies::access;
use policies::id::{OrgId, Role};

use super::ask::{Object, Policies, Who};
use super::documents::{Documents, SCHEMA};
use super::method;

/// Why documents are no policies. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A document is not Cedar, or has what no document may have.
    #[error("`{document}`: {message}")]
    Document {
        /// Its file name.
        document: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// Strict validation: a policy does not fit the schema, or can never apply.
    #[error("the policies do not fit the schema: {0}")]
    Schema(String),
    /// A policy lets a role do what the log's rules do not.
    #[error(
        "a {role} may not cause an entry by {method}: the log's rules forbid it, and policies may only be stricter"
    )]
    Wider {
        /// The role.
        role: Role,
        /// The action.
        method: String,
    },
    /// The schema that was built in cannot be used.
    #[error("the built-in schema: {0}")]
    Own(String),
}

/// Operators of Cedar that can overflow. Cedar skips a policy that fails, so a failing `forbid` would let
/// through; numbers are compared by the ledger, not by policies.
const ARITHMETIC: [&str; 4] = ["+", "-", "*", "neg"];

impl Policies {
    /// Parses and checks everything once; asking parses nothing.
    ///
    /// # Errors
    /// [`LoadError`] names the document or policy.
    pub fn load(documents: &Documents) -> Result<Self, LoadError> {
        let own = |error: &dyn std::fmt::Display| LoadError::Own(error.to_string());
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|e| own(&e))?;
        let mut all = PolicySet::new();
        for (name, text) in &documents.policies {
            add(&mut all, name, text)?;
        }
        let validated = Validator::new(schema.clone()).validate(&all, ValidationMode::Strict);
        if !validated.validation_passed_without_warnings() {
            let faults = validated.validation_errors().map(ToString::to_string);
            let warnings = validated.validation_warnings().map(ToString::to_string);
            let faults: Vec<_> = faults.chain(warnings).collect();
            return Err(LoadError::Schema(faults.join("; ")));
        }
        let sha256 = documents.sha256().map_err(|e| own(&e))?;
        let policies = Self::new(schema, all, sha256, documents.serial).map_err(|e| own(&e))?;
        policies.check_log_rules()?;
        Ok(policies)
    }

    /// Policies may be stricter than the log's rules, never wider: an auditor would call the log broken.
    fn check_log_rules(&self) -> Result<(), LoadError> {
        let org = OrgId::new("anyone").map_err(|e| LoadError::Own(e.to_string()))?;
        for method in self.writes() {
            for role in Role::ALL {
                let who = Who { org: &org, role };
                let open = self.allows(who, method, &Object::Door, None);
                if open && !access::allows(role, &method::path(method)) {
                    let method = method.to_owned();
                    return Err(LoadError::Wider { role, method });
                }
            }
        }
        Ok(())
    }
}

fn add(all: &mut PolicySet, name: &str, text: &str) -> Result<(), LoadError> {
    let wrong = |message: String| LoadError::Document {
        document: name.to_owned(),
        message,
    };
    let parsed: PolicySet = text.parse().map_err(|e| wrong(format!("{e}")))?;
    if parsed.is_empty() || parsed.templates().next().is_some() {
        return Err(wrong("has to hold policies, and no templates".into()));
    }
    for policy in parsed.policies() {
        let id = policy.annotation("id");
        let id = id.ok_or_else(|| wrong("a policy without `@id(\"…\")`".into()))?;
        if let Some(operator) = arithmetic(policy).map_err(&wrong)? {
            let message = format!("`{id}` calculates with `{operator}`: compare instead");
            return Err(wrong(message));
        }
        all.add(policy.new_id(PolicyId::new(id)))
            .map_err(|e| wrong(format!("{e}")))?;
    }
    Ok(())
}

/// The first arithmetic operator in a policy.
fn arithmetic(policy: &Policy) -> Result<Option<&'static str>, String> {
    fn find(value: &serde_json::Value) -> Option<&'static str> {
        match value {
            serde_json::Value::Object(fields) => fields.iter().find_map(|(name, value)| {
                let operator = ARITHMETIC.into_iter().find(|operator| operator == name);
                operator.or_else(|| find(value))
            }),
            serde_json::Value::Array(items) => items.iter().find_map(find),
            _ => None,
        }
    }
    let json = policy.to_json().map_err(|e| e.to_string())?;
    Ok(json.get("conditions").and_then(find))
}
