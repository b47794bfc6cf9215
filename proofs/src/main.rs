//! Proves the theorems of `forbidden.cedar` about `policies/*.cedar`, for every request that the schema
//! allows: Cedar's symbolic compiler turns policies into SMT-LIB, cvc5 finds no counterexample.
//!
//! Each theorem holds of the policies of the software, and of a set that permits everything besides
//! `never.cedar`: so it holds whatever an operator's own policies permit. And no policy of the software can
//! fail: Cedar skips a policy that fails, so a failing `forbid` would let through.
//!
//! Before anything is proved, two sets in which the theorems are false have to be found false.

use std::error::Error;
use std::process::ExitCode;

use cedar_policy::{Policy, PolicyId, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet};

const SCHEMA: &str = include_str!("../../policies/schema.cedarschema");
const OWN: [&str; 3] = [
    include_str!("../../policies/never.cedar"),
    include_str!("../../policies/door.cedar"),
    include_str!("../../policies/objects.cedar"),
];
const FORBIDDEN: &str = include_str!("../forbidden.cedar");
const EVERYTHING: &str = "permit (principal, action, resource);";

type Outcome<T> = Result<T, Box<dyn Error>>;
type Solver = CedarSymCompiler<LocalSolver>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match prove().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("not proved: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn prove() -> Outcome<()> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA)?;
    let mut solver = CedarSymCompiler::new(LocalSolver::cvc5()?)?;
    let envs: Vec<RequestEnv> = schema.request_envs().collect();
    let [never, ..] = OWN;
    let (own, widest) = (set(&OWN)?, set(&[never, EVERYTHING])?);
    can_fail(&mut solver, &schema, &envs).await?;
    for policy in own.policies() {
        for env in &envs {
            if !never_fails(&mut solver, policy, env, &schema).await? {
                return Err(format!("{policy} can fail").into());
            }
        }
    }
    println!("proved: no policy can fail");
    for theorem in set(&[FORBIDDEN])?.policies() {
        let name = theorem.annotation("theorem").unwrap_or("unnamed");
        let forbidden = PolicySet::from_policies([theorem.clone()])?;
        for (whose, policies) in [("own", &own), ("any", &widest)] {
            for env in &envs {
                if !disjoint(&mut solver, policies, &forbidden, env, &schema).await? {
                    return Err(format!("{name}: not under {whose} policies").into());
                }
            }
        }
        println!("proved: {name}");
    }
    println!(
        "{} kinds of request, under own policies and under any",
        envs.len()
    );
    Ok(())
}

/// The solver is worth believing: it finds what is there to be found.
async fn can_fail(solver: &mut Solver, schema: &Schema, envs: &[RequestEnv]) -> Outcome<()> {
    let everything = set(&[EVERYTHING])?;
    for theorem in set(&[FORBIDDEN])?.policies() {
        let forbidden = PolicySet::from_policies([theorem.clone()])?;
        let mut found = false;
        for env in envs {
            found |= !disjoint(solver, &everything, &forbidden, env, schema).await?;
        }
        if !found {
            return Err(format!("without `never.cedar` nothing breaks {theorem}").into());
        }
    }
    let overflow = "permit (principal, action, resource is Broker) \
        when { context has purpose && 9223372036854775807 + 1 == 0 };";
    for policy in set(&[overflow])?.policies() {
        let mut found = false;
        for env in envs {
            found |= !never_fails(solver, policy, env, schema).await?;
        }
        if !found {
            return Err("an overflow was not found".into());
        }
    }
    Ok(())
}

async fn never_fails(
    solver: &mut Solver,
    policy: &Policy,
    env: &RequestEnv,
    schema: &Schema,
) -> Outcome<bool> {
    let compiled = CompiledPolicy::compile(policy, env, schema)?;
    Ok(solver.check_never_errors_opt(&compiled).await?)
}

async fn disjoint(
    solver: &mut Solver,
    one: &PolicySet,
    other: &PolicySet,
    env: &RequestEnv,
    schema: &Schema,
) -> Outcome<bool> {
    let one = CompiledPolicySet::compile(one, env, schema)?;
    let other = CompiledPolicySet::compile(other, env, schema)?;
    Ok(solver.check_disjoint_opt(&one, &other).await?)
}

fn set(texts: &[&str]) -> Outcome<PolicySet> {
    let mut all = PolicySet::new();
    let mut n = 0;
    for text in texts {
        for policy in text.parse::<PolicySet>()?.policies() {
            n += 1;
            all.add(policy.new_id(PolicyId::new(format!("p{n}"))))?;
        }
    }
    Ok(all)
}
