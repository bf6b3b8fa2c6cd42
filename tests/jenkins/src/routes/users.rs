//! Who one is, crumbs, API tokens.

use super::{CRUMB_FIELD, Context, Routed, session_of};
use crate::auth::{Permission, Who, same_name};
use crate::export::{Object, Value};
use crate::http::Answer;

const API_TOKENS: &str = "jenkins.security.ApiTokenProperty";

impl Context<'_> {
    /// The anonymous user is "authenticated" too; only `anonymous` tells.
    pub(super) fn who_am_i(&mut self, flavor: &str) -> Routed {
        let anonymous = self.who == Who::Anonymous;
        let name = self.user_name().unwrap_or_else(|| "anonymous".to_owned());
        let object = Object::new("hudson.security.WhoAmI")
            .top("anonymous", anonymous)
            .top("authenticated", true)
            .top(
                "authorities",
                vec![if anonymous { "anonymous" } else { "authenticated" }],
            )
            .top("name", name);
        self.api(&object, flavor)
    }

    /// A crumb for the session of the request; a request without one gets both. Nothing there with CSRF off (s7-01).
    pub(super) fn crumb_issuer(&mut self, flavor: &str) -> Routed {
        if !self.world.csrf {
            return Err(self.not_found());
        }
        let opened = self.with_session(Answer::new(200));
        let cookie = opened
            .headers
            .iter()
            .find(|(name, _)| name == "Set-Cookie")
            .map(|(_, value)| value.clone());
        let session = match &cookie {
            Some(cookie) => cookie.split(['=', ';']).nth(1).map(str::to_owned),
            None => session_of(self.world, self.request),
        };
        let crumb = self.world.crumb(&session.unwrap_or_default(), &self.who);
        let object = Object::new("hudson.security.csrf.DefaultCrumbIssuer")
            .top("crumb", crumb)
            .top("crumbRequestField", CRUMB_FIELD);
        let answer = self.api(&object, flavor)?;
        Ok(match cookie {
            Some(cookie) => answer.header("Set-Cookie", cookie),
            None => answer,
        })
    }

    pub(super) fn me(&mut self, rest: &[&str]) -> Routed {
        match self.user_name() {
            Some(id) => self.user(&id, rest),
            None => Err(self.denied("")),
        }
    }

    pub(super) fn user(&mut self, id: &str, rest: &[&str]) -> Routed {
        let Some(user) = self.world.user(id).cloned() else {
            return Err(self.not_found());
        };
        match rest {
            ["api", flavor] => {
                let is_me = self.user_name().is_some_and(|name| same_name(&name, id));
                let properties = if is_me || self.allows(Permission::OverallAdminister, None) {
                    properties()
                } else {
                    Vec::new()
                };
                let object = Object::new("hudson.model.User")
                    .top("absoluteUrl", format!("{}user/{}", self.world.root_url, user.id))
                    .top("description", Value::Null)
                    .top("fullName", user.full_name.as_str())
                    .top("id", user.id.as_str())
                    .top("property", properties);
                self.api(&object, flavor)
            }
            [
                "descriptorByName",
                API_TOKENS,
                action @ ("generateNewToken" | "revoke"),
            ] => {
                if !self.is_post() {
                    return Err(self.post_required(&user.full_name));
                }
                // Not even an administrator makes tokens for others; the refusal is empty (s5-12j).
                if !self.user_name().is_some_and(|name| same_name(&name, id)) {
                    return Err(Answer::new(403));
                }
                if *action == "revoke" {
                    self.revoke_token(&user.id)
                } else {
                    self.generate_token(&user.id)
                }
            }
            _ => Err(self.not_found()),
        }
    }

    fn generate_token(&mut self, id: &str) -> Routed {
        let parameters = self.parameters()?;
        let name = match parameters.get("newTokenName") {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => format!(
                "Token created on {}",
                utc(self.world.time.epoch(self.world.time.now()))
            ),
        };
        let uuid = self.world.uuid();
        let value = format!("11{}", self.world.random_hex(32));
        if let Some(user) = self.world.users.iter_mut().find(|user| user.id == id) {
            user.tokens.push((uuid.clone(), value.clone()));
        }
        let data = Object::without_class()
            .always("tokenName", name)
            .always("tokenUuid", uuid)
            .always("tokenValue", value);
        let object = Object::without_class()
            .always("status", "ok")
            .always("data", data);
        let body = crate::export::write(&object, crate::export::Flavor::Json);
        Ok(super::text("application/json;charset=utf-8", &body))
    }

    /// An unknown token is revoked as quietly as a known one (s5-12e).
    fn revoke_token(&mut self, id: &str) -> Routed {
        let parameters = self.parameters()?;
        let uuid = parameters.get("tokenUuid").unwrap_or_default().to_owned();
        if let Some(user) = self.world.users.iter_mut().find(|user| user.id == id) {
            user.tokens
                .retain(|(known, _)| known.is_empty() || *known != uuid);
        }
        Ok(Answer::new(200))
    }
}

fn properties() -> Vec<Object> {
    let plain = |class: &str| Object::new(class);
    vec![
        plain(API_TOKENS),
        plain("jenkins.console.ConsoleUrlProviderUserProperty"),
        plain("jenkins.views.ViewsTabBarUserProperty"),
        plain("hudson.model.MyViewsProperty"),
        plain("hudson.model.PaneStatusProperties"),
        plain("jenkins.security.seed.UserSeedProperty"),
        plain("hudson.search.UserSearchProperty").always("insensitiveSearch", true),
        plain("hudson.model.TimeZoneProperty"),
        plain("jenkins.model.experimentalflags.UserExperimentalFlagsProperty"),
        plain("hudson.security.HudsonPrivateSecurityRealm$Details"),
    ]
}

/// A moment as `2026-11-22T14:13:03.708000000Z`.
fn utc(epoch_ms: i64) -> String {
    let (seconds, ms) = (epoch_ms.div_euclid(1000), epoch_ms.rem_euclid(1000));
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 1970 to a date of the proleptic Gregorian calendar, counted in years that begin in March.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}000000Z")
}
