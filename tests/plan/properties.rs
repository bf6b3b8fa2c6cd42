//! What holds of every plan.

use std::collections::BTreeSet;

use jenkins_trigger::config::Config;
use jenkins_trigger::event::{ChangedPaths, Event, Kind, Operation};
use jenkins_trigger::plan::{self, Reason, Wishes};
use proptest::prelude::*;

use crate::helpers::{file_with, on, surroundings, tagged};

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

fn a_rule() -> impl Strategy<Value = String> {
    let job = one_of(&["a", "b"]);
    let keys = prop::collection::btree_set(
        one_of(&[
            "branches: [main]",
            "branches: [\"**\", \"!feature/**\"]",
            "branches: [\"!main\"]",
            "tags: [\"v*\"]",
            "events: [post-push]",
            "events: [post-commit, post-receive]",
            "remotes: [origin]",
            "remotes: [backup, team]",
            "paths: [\"src/**\"]",
            "paths_ignore: [\"**/*.md\"]",
            "branch_parameter: false",
            "branch_parameter: REF",
            "parameters: { A: \"${branch}\", B: \"${tag}\" }",
            "parameters: { A: main, C: \"${remote:-none}\" }",
            "delay: 30s",
            "skip_ci: false",
            "token_from: t",
        ]),
        0..6,
    );
    (job, keys).prop_map(|(job, keys)| {
        let mut seen = BTreeSet::new();
        let once = |key: &&str| seen.insert(key.split(':').next().unwrap_or_default().to_owned());
        let keys: Vec<&str> = keys.into_iter().filter(once).collect();
        let comma = if keys.is_empty() { "" } else { ", " };
        format!("job: {job}{comma}{}", keys.join(", "))
    })
}

fn a_file() -> impl Strategy<Value = Config> {
    let top = one_of(&[
        "",
        "skip: { while: [merge, revert] }\n",
        "skip: { markers: false }\n",
        "defaults: { branch_parameter: A }\n",
    ]);
    (top, prop::collection::vec(a_rule(), 1..7)).prop_filter_map("no file", |(top, rules)| {
        let jobs: String = rules
            .iter()
            .enumerate()
            .map(|(n, rule)| format!("  - {{ name: rule-{n}, {rule} }}\n"))
            .collect();
        let text = format!("version: 1\nserver: https://ci.example.com\n{top}jobs:\n{jobs}");
        jenkins_trigger::config::read("file", text.as_bytes())
            .ok()
            .map(|_| file_with(top, &jobs))
    })
}

fn an_event() -> impl Strategy<Value = Event> {
    let name = prop_oneof![
        one_of(&["main", "feature/x", "v1"]).prop_map(on),
        one_of(&["v1", "latest"]).prop_map(tagged),
    ];
    let kind = prop::sample::select(vec![
        Kind::PostCommit,
        Kind::PostPush,
        Kind::PostReceive,
        Kind::Manual,
    ]);
    let changed = prop::option::of(prop::collection::vec(
        one_of(&["src/a.rs", "README.md", "src/b.md"]),
        0..3,
    ));
    let remote = prop::option::of(one_of(&["origin", "backup", "Origin"]));
    let operations =
        prop::sample::subsequence(vec![Operation::Rebase, Operation::Merge, Operation::Revert], 0..3);
    let message = one_of(&[
        "A subject",
        "A subject [skip ci]",
        "A subject\n\nskip-checks: true",
    ]);
    let all = (name, kind, remote, changed, operations, message);
    all.prop_map(|(mut event, kind, remote, changed, operations, message)| {
        event.commit.message = message.into();
        let changed = match changed {
            Some(paths) => ChangedPaths::Known(paths.into_iter().map(Into::into).collect()),
            None => ChangedPaths::Unknown("who knows".into()),
        };
        Event {
            kind,
            remote: remote.map(Into::into),
            changed,
            operations,
            ..event
        }
    })
}

fn a_wish() -> impl Strategy<Value = Wishes> {
    let only = prop::collection::vec(one_of(&["rule-0", "rule-1", "rule-2"]), 0..2);
    let parameters = prop::collection::vec((one_of(&["A", "BRANCH", "NEW"]), one_of(&["main", "x"])), 0..3);
    let replacements = prop::collection::vec((one_of(&["A", "BRANCH", "NEW"]), one_of(&["main", "y"])), 0..3);
    (only, parameters, replacements).prop_map(|(only, parameters, replacements)| Wishes {
        only: only.into_iter().map(Into::into).collect(),
        parameters: parameters
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        replacements: replacements
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_plan_is_whole_and_the_same_each_time(event in an_event(), config in a_file(), wishes in a_wish()) {
        let plan = plan::plan(&event, &config, &surroundings(), &wishes);
        prop_assert_eq!(&plan, &plan::plan(&event, &config, &surroundings(), &wishes));

        let rules: Vec<usize> = plan.verdicts.iter().map(|verdict| verdict.rule).collect();
        prop_assert_eq!(rules, (0..config.rules.len()).collect::<Vec<_>>(), "one verdict for each rule");

        let firing: Vec<usize> =
            plan.verdicts.iter().filter(|verdict| verdict.fires).map(|verdict| verdict.rule).collect();
        let mut listed: Vec<usize> = plan.triggers.iter().flat_map(|trigger| trigger.rules.clone()).collect();
        listed.sort_unstable();
        prop_assert_eq!(listed, firing, "each rule that fires is in one trigger, and no other is");

        for trigger in &plan.triggers {
            let names: BTreeSet<&str> = trigger.parameters.iter().map(|(name, _)| name.as_str()).collect();
            prop_assert_eq!(names.len(), trigger.parameters.len(), "no parameter twice: {:?}", trigger.parameters);
        }

        for (index, one) in plan.triggers.iter().enumerate() {
            for other in &plan.triggers[index + 1..] {
                let same = one.job == other.job
                    && one.method == other.method
                    && one.parameters == other.parameters
                    && one.delay == other.delay;
                prop_assert!(!same, "two identical triggers: {:?} {:?}", one, other);
            }
        }
    }

    #[test]
    fn what_fires_is_known_to_be_possible_from_the_names_alone(event in an_event(), config in a_file()) {
        let remote = event.remote.as_ref().map(AsRef::as_ref);
        let may_fire = |config: &Config| plan::may_fire(config, event.kind, event.reference.as_ref(), remote);
        let plan = plan::plan(&event, &config, &surroundings(), &Wishes::default());
        prop_assert!(plan.triggers.is_empty() || may_fire(&config));
        for verdict in &plan.verdicts {
            let alone = Config { rules: vec![config.rules[verdict.rule].clone()], ..config.clone() };
            let by_name = !matches!(
                verdict.reason,
                Reason::OtherEvent(_) | Reason::OtherRemote { .. } | Reason::OnlyTags | Reason::OnlyBranches
                    | Reason::NoPattern { .. } | Reason::Pattern { included: false, .. }
            );
            prop_assert_eq!(may_fire(&alone), by_name, "{}", verdict.reason);
        }
    }

    #[test]
    fn a_rule_does_not_care_about_the_others(event in an_event(), config in a_file()) {
        let all = plan::plan(&event, &config, &surroundings(), &Wishes::default());
        for (index, rule) in config.rules.iter().enumerate() {
            let alone = Config { rules: vec![rule.clone()], ..config.clone() };
            let plan = plan::plan(&event, &alone, &surroundings(), &Wishes::default());
            prop_assert_eq!(plan.verdicts[0].fires, all.verdicts[index].fires);
            prop_assert_eq!(&plan.verdicts[0].reason, &all.verdicts[index].reason);
        }
    }
}
