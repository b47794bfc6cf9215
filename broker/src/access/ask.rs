//! The policies in force, and the one question they answer.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request, RestrictedExpression, Schema,
};
use policies::agreement::Agreement;
use policies::id::{AgreementId, Fingerprint, OrgId, Role};
use policies::state::State;

use super::memory::{Memory, Question};

/// Who asks: an admitted organisation in its role.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// Its name.
    pub org: &'a OrgId,
    /// Its role.
    pub role: Role,
}

impl<'a> Who<'a> {
    /// The organisation as the log admitted it; `None` for strangers.
    #[must_use]
    pub fn of(state: &State, org: &'a OrgId) -> Option<Self> {
        let role = state.org(org)?.role;
        Some(Self { org, role })
    }
}

/// What it asks about.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// The method itself.
    Door,
    /// An agreement, and what is under it.
    Agreement(&'a AgreementId, &'a Agreement),
    /// An entry: its index, and the organisations it concerns.
    Entry(u64, &'a [OrgId]),
}

/// A policy set, parsed and checked. Only `Policies::load` makes one.
#[derive(Debug)]
pub struct Policies {
    set: PolicySet,
    schema: Schema,
    /// By action: `Service/Method`.
    actions: HashMap<String, Action>,
    authorizer: Authorizer,
    types: Types,
    pub(super) memory: Memory,
    sha256: Fingerprint,
    serial: Option<u32>,
}

/// An action and its groups, to which each question about it adds its caller and object.
#[derive(Debug)]
struct Action {
    /// Its place among all.
    number: usize,
    uid: EntityUid,
    groups: Entities,
}

#[derive(Debug)]
struct Types {
    role: EntityTypeName,
    organisation: EntityTypeName,
    broker: EntityTypeName,
    agreement: EntityTypeName,
    entry: EntityTypeName,
}

/// Why a question has no answer; it is denied then. For the operator.
#[derive(Debug, thiserror::Error)]
enum AskError {
    /// Caller or object do not fit the schema.
    #[error("the question does not fit the schema: {0}")]
    Form(String),
    /// Policies failed. Cedar would skip them.
    #[error("policies failed: {0}")]
    Failed(String),
}

fn form(error: impl std::fmt::Display) -> AskError {
    AskError::Form(error.to_string())
}

impl Policies {
    pub(super) fn new(
        schema: Schema,
        set: PolicySet,
        sha256: Fingerprint,
        serial: Option<u32>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let all = schema.action_entities()?;
        let mut actions = HashMap::new();
        for uid in schema.actions() {
            let name = uid.id().unescaped();
            // Groups are no methods.
            if name.contains('/') {
                let above = all.ancestors(uid).into_iter().flatten();
                let near = std::iter::once(uid).chain(above);
                let near = near.filter_map(|uid| all.get(uid).cloned());
                let groups = Entities::from_entities(near, None)?;
                let uid = uid.clone();
                let number = actions.len();
                actions.insert(
                    name.to_owned(),
                    Action {
                        number,
                        uid,
                        groups,
                    },
                );
            }
        }
        Ok(Self {
            actions,
            authorizer: Authorizer::new(),
            types: Types {
                role: "Role".parse()?,
                organisation: "Organisation".parse()?,
                broker: "Broker".parse()?,
                agreement: "Agreement".parse()?,
                entry: "Entry".parse()?,
            },
            memory: Memory::new(),
            set,
            schema,
            sha256,
            serial,
        })
    }

    /// Digest of the documents.
    #[must_use]
    pub fn sha256(&self) -> &Fingerprint {
        &self.sha256
    }

    /// Serial number of the operator's directory.
    #[must_use]
    pub fn serial(&self) -> Option<u32> {
        self.serial
    }

    /// All methods that policies can speak about, sorted.
    #[must_use]
    pub fn methods(&self) -> Vec<&str> {
        let mut methods: Vec<_> = self.actions.keys().map(String::as_str).collect();
        methods.sort_unstable();
        methods
    }

    /// Is it one of [`Policies::methods`]?
    #[must_use]
    pub fn knows(&self, method: &str) -> bool {
        self.actions.contains_key(method)
    }

    /// Is the method asked about agreements, about entries?
    #[must_use]
    pub fn objects(&self, method: &str) -> (bool, bool) {
        let applies = |kind| {
            let caller = &self.types.organisation;
            let mut actions = self.schema.actions_for_principal_and_resource(caller, kind);
            actions.any(|uid| uid.id().unescaped() == method)
        };
        (applies(&self.types.agreement), applies(&self.types.entry))
    }

    /// Is it asked with a purpose?
    pub(super) fn takes_purpose(&self, method: &str) -> bool {
        method == super::method::REQUEST_RELEASE
    }

    /// The methods of the group `write`.
    pub(super) fn writes(&self) -> Vec<&str> {
        self.members("write")
    }

    pub(super) fn members(&self, group: &str) -> Vec<&str> {
        let group: Option<EntityUid> = format!("Action::{group:?}").parse().ok();
        let inside = |action: &Action| {
            let group = group.as_ref();
            group.is_some_and(|group| action.groups.is_ancestor_of(group, &action.uid))
        };
        let members = self.actions.iter().filter(|(_, action)| inside(action));
        let mut members: Vec<_> = members.map(|(name, _)| name.as_str()).collect();
        members.sort_unstable();
        members
    }

    /// May this caller use the method on the object? A method that is not in the schema, a question that
    /// does not fit it and a policy that fails are all denied.
    #[must_use]
    pub fn allows(
        &self,
        who: Who<'_>,
        method: &str,
        on: &Object<'_>,
        purpose: Option<&str>,
    ) -> bool {
        let answer = self.ask(who, method, on, purpose);
        answer.unwrap_or_else(|error| denied(who, method, &error))
    }

    /// [`Self::allows`], asked once and then remembered. An agreement's id MUST be the hash of its terms, as the state's
    /// and an offer's are. What failed is not remembered.
    #[must_use]
    pub fn allows_known(
        &self,
        who: Who<'_>,
        method: &str,
        on: &Object<'_>,
        purpose: Option<&str>,
    ) -> bool {
        let action = self.actions.get(method);
        let question = action.and_then(|action| Question::new(who, action.number, on, purpose));
        let Some(question) = question else {
            return self.allows(who, method, on, purpose);
        };
        if let Some(answer) = self.memory.get(&question) {
            return answer;
        }
        match self.ask(who, method, on, purpose) {
            Ok(answer) => {
                self.memory.keep(question, answer);
                answer
            }
            Err(error) => denied(who, method, &error),
        }
    }

    fn ask(
        &self,
        who: Who<'_>,
        method: &str,
        on: &Object<'_>,
        purpose: Option<&str>,
    ) -> Result<bool, AskError> {
        let Some(action) = self.actions.get(method) else {
            return Ok(false);
        };
        let (principal, caller) = self.caller(who)?;
        let (resource, object) = self.object(on)?;
        let purpose = purpose.map(|p| ("purpose".to_owned(), text(p)));
        let context = Context::from_pairs(purpose).map_err(form)?;
        let request = Request::new(
            principal,
            action.uid.clone(),
            resource,
            context,
            Some(&self.schema),
        );
        let entities = action.groups.clone();
        let entities = entities.add_entities([caller, object], Some(&self.schema));
        let answer = self.authorizer.is_authorized(
            &request.map_err(form)?,
            &self.set,
            &entities.map_err(form)?,
        );
        let failed: Vec<_> = answer
            .diagnostics()
            .errors()
            .map(ToString::to_string)
            .collect();
        if !failed.is_empty() {
            return Err(AskError::Failed(failed.join("; ")));
        }
        Ok(answer.decision() == Decision::Allow)
    }

    fn caller(&self, who: Who<'_>) -> Result<(EntityUid, Entity), AskError> {
        let id = self.organisation(who.org);
        let role = EntityUid::from_type_name_and_id(
            self.types.role.clone(),
            EntityId::new(who.role.as_str()),
        );
        let role = RestrictedExpression::new_entity_uid(role);
        let caller = Entity::new(
            id.clone(),
            HashMap::from([("role".to_owned(), role)]),
            HashSet::new(),
        );
        Ok((id, caller.map_err(form)?))
    }

    fn object(&self, on: &Object<'_>) -> Result<(EntityUid, Entity), AskError> {
        let (kind, id, attributes) = match on {
            Object::Door => (&self.types.broker, "this".to_owned(), HashMap::new()),
            Object::Agreement(id, terms) => {
                let attributes = [
                    ("provider", self.named(&terms.provider.org)),
                    ("planner", self.named(&terms.planner.org)),
                    ("recipients", self.all_named(&terms.recipients)),
                    (
                        "purposes",
                        RestrictedExpression::new_set(terms.purposes.iter().map(|p| text(p))),
                    ),
                ];
                let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
                (&self.types.agreement, id.to_string(), attributes.into())
            }
            Object::Entry(index, concerned) => {
                let attributes = [("concerns".to_owned(), self.all_named(concerned))];
                (&self.types.entry, index.to_string(), attributes.into())
            }
        };
        let id = EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id));
        let object = Entity::new(id.clone(), attributes, HashSet::new()).map_err(form)?;
        Ok((id, object))
    }

    fn organisation(&self, org: &OrgId) -> EntityUid {
        let kind = self.types.organisation.clone();
        EntityUid::from_type_name_and_id(kind, EntityId::new(org.as_str()))
    }

    fn named(&self, org: &OrgId) -> RestrictedExpression {
        RestrictedExpression::new_entity_uid(self.organisation(org))
    }

    fn all_named(&self, orgs: &[OrgId]) -> RestrictedExpression {
        RestrictedExpression::new_set(orgs.iter().map(|org| self.named(org)))
    }
}

fn denied(who: Who<'_>, method: &str, error: &AskError) -> bool {
    tracing::error!(method, org = %who.org, %error, "denied without an answer");
    false
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}
