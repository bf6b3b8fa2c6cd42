//! plan → spool.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::environment;
use crate::event::Event;
use crate::plan::{self, Plan, Surroundings};
use crate::platform;
use crate::spool::{FORMAT, Hold, Trigger, new_ids};
use crate::text::Text;

/// What the file's templates may ask of this process.
pub(super) fn surroundings(config: &Config) -> Surroundings {
    let variables: BTreeMap<_, _> = config
        .env
        .iter()
        .filter_map(|name| Some((name.clone(), environment::declared(name)?.into())))
        .collect();
    Surroundings {
        user: environment::user_name().into(),
        hostname: platform::hostname().into(),
        variables,
    }
}

/// The plan's triggers as the spool takes them, held if they are more than the file allows.
pub(super) fn triggers(event: &Event, config: &Config, plan: &Plan) -> Vec<Trigger> {
    let hold = (plan.triggers.len() > config.max_triggers).then_some(Hold::Storm);
    let created = Timestamp::now();
    let ids = new_ids(plan.triggers.len());
    let entry = |(id, planned): (String, &plan::Trigger)| Trigger {
        v: FORMAT,
        id,
        created,
        event: event.kind.name().into(),
        rules: planned
            .rules
            .iter()
            .map(|rule| config.rules[*rule].name.clone())
            .collect(),
        server: config.servers[planned.server].url.as_str().into(),
        method: planned.method.to_string(),
        job: planned.job.clone(),
        token_from: planned.token_from.clone(),
        parameters: planned
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), Text(value.clone())))
            .collect(),
        delay: planned.delay.map(|delay| delay.as_secs()),
        cause: Text(planned.cause.clone()),
        branch: event.branch.clone().map(Text),
        tag: event.tag.clone().map(Text),
        sha: event.commit.id.clone(),
        attempts: 0,
        due: None,
        trouble: None,
        sending: None,
        uncertain: false,
        hold,
    };
    ids.into_iter().zip(&plan.triggers).map(entry).collect()
}
