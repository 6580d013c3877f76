use super::*;
use crate::app::PREFERRED_PREFIX;
use proto_types::{AgentInfo, resources::parse_attributes};

fn constraint(text: &str) -> Constraint {
    let parts: Vec<&str> = text.split(' ').collect();
    let (field, preferred) = match parts[0].strip_prefix(PREFERRED_PREFIX) {
        Some(field) => (field, true),
        None => (parts[0], false),
    };
    let operator = Operator::named(parts[1]).unwrap();
    Constraint { field: field.into(), operator, value: parts.get(2).map(|value| (*value).into()), preferred }
}

/// An agent `host;attributes`.
fn agent(text: &str) -> AgentInfo {
    let (hostname, attributes) = text.split_once(';').unwrap_or((text, ""));
    let attributes = if attributes.is_empty() { Default::default() } else { parse_attributes(attributes).unwrap() };
    let region = Some("eu".to_owned());
    AgentInfo { hostname: hostname.into(), attributes, region, ..AgentInfo::default() }
}

/// What `rule` says of `candidate` with instances on `own` agents of this version and on `others` of older ones.
fn judge(rule: &str, own: &[&str], others: &[&str], candidate: &str) -> Verdict {
    let rules = Rules::new(&[constraint(rule)]);
    let mut placed = Placed::new(&rules);
    for (texts, own) in [(own, true), (others, false)] {
        for text in texts {
            placed.add(&rules, &Place::from(&agent(text)), own);
        }
    }
    rules.judge(&Place::from(&agent(candidate)), &placed)
}

fn holds(rule: &str, placed: &[&str], candidate: &str) -> bool {
    judge(rule, placed, &[], candidate).broken.is_none()
}

#[test]
fn unique_counts_instances_of_all_versions() {
    assert!(holds("hostname UNIQUE", &["h1"], "h2"));
    assert!(!holds("hostname UNIQUE", &["h1"], "h1"));
    assert!(judge("hostname UNIQUE", &[], &["h1"], "h1").broken.is_some());
    assert!(!holds("@region UNIQUE", &["h1"], "h2"));
    assert!(!holds("rack UNIQUE", &[], "h1"), "without the attribute");
    let broken = judge("hostname UNIQUE", &["h1"], &[], "h1").broken;
    assert_eq!(broken, Some(Broken { index: 0, found: Some("h1".into()) }));
}

#[test]
fn cluster_follows_its_value_or_the_first_instance() {
    assert!(holds("rack CLUSTER a", &[], "h;rack:a") && !holds("rack CLUSTER a", &[], "h;rack:b"));
    assert!(holds("rack CLUSTER", &[], "h;rack:b"));
    assert!(holds("rack CLUSTER", &["h;rack:b"], "i;rack:b") && !holds("rack CLUSTER", &["h;rack:b"], "i;rack:a"));
    assert!(judge("rack CLUSTER", &[], &["h;rack:b"], "i;rack:a").broken.is_some(), "old instances hold it");
    assert!(judge("rack CLUSTER", &["h;rack:a"], &["h;rack:b"], "i;rack:b").broken.is_some(), "new ones lead");
    assert!(holds("cores CLUSTER 4.0", &[], "h;cores:4"));
}

#[test]
fn max_per_counts() {
    let rule = "rack MAX_PER 2";
    assert!(holds(rule, &["h;rack:a", "h;rack:b"], "i;rack:a"));
    assert!(!holds(rule, &["h;rack:a", "h;rack:b", "i;rack:a"], "i;rack:a"));
    assert!(!holds(rule, &[], "h"));
}

#[test]
fn like_and_unlike_match_whole_texts_of_all_kinds() {
    assert!(holds("rack LIKE r[1-3]", &[], "h;rack:r2") && !holds("rack LIKE r[1-3]", &[], "h;rack:r22"));
    assert!(!holds("rack UNLIKE r[1-3]", &[], "h;rack:r2") && holds("rack UNLIKE r[1-3]", &[], "h;rack:r22"));
    assert!(!holds("rack LIKE .*", &[], "h") && holds("rack UNLIKE .*", &[], "h"), "without the attribute");
    assert!(holds("cores LIKE [4-8]", &[], "h;cores:4.000"));
    assert!(holds("ids LIKE \\[1-3,5-5\\]", &[], "h;ids:[5-5,1-3]"));
    assert!(!holds("rack LIKE (", &[], "h;rack:a") && !holds("rack UNLIKE (", &[], "h"), "what cannot be read");
}

#[test]
fn is_compares_texts_and_numbers() {
    assert!(holds("rack IS a", &[], "h;rack:a") && !holds("rack IS a", &[], "h;rack:A"));
    assert!(holds("cores IS 4", &[], "h;cores:4.0") && holds("cores IS 4.0000", &[], "h;cores:4"));
    assert!(holds("cores IS 0.5", &[], "h;cores:0.500") && !holds("cores IS 4", &[], "h;cores:40"));
    assert!(!holds("rack IS a", &[], "h"));
}

#[test]
fn group_by_orders_groups_and_bounds_their_number() {
    let penalty =
        |candidate: &str| judge("rack GROUP_BY", &["h;rack:a", "h;rack:a", "h;rack:b"], &[], candidate).penalty.group;
    assert_eq!((penalty("h;rack:a"), penalty("h;rack:b"), penalty("h;rack:c")), (2, 1, 0));
    let placed = ["h;rack:a", "h;rack:b"];
    assert!(holds("rack GROUP_BY 2", &placed, "h;rack:a") && !holds("rack GROUP_BY 2", &placed, "h;rack:c"));
    assert!(holds("rack GROUP_BY 3", &placed, "h;rack:c") && !holds("rack GROUP_BY", &[], "h"));
    // Old instances neither fill groups nor use up their number; but among equal groups theirs come first.
    let verdict = |candidate| judge("rack GROUP_BY 2", &[], &placed, candidate);
    assert_eq!((verdict("h;rack:a").penalty.group, verdict("h;rack:a").stranger), (0, false));
    assert_eq!((verdict("h;rack:c").broken, verdict("h;rack:c").stranger), (None, true));
}

#[test]
fn wishes_make_agents_worse_and_never_impossible() {
    for (rule, placed, candidate) in [
        ("prefer:hostname UNIQUE", &["h1"][..], "h1"),
        ("prefer:rack IS a", &[], "h;rack:b"),
        ("prefer:rack LIKE a", &[], "h"),
        ("prefer:rack GROUP_BY 1", &["h;rack:a"], "h;rack:b"),
    ] {
        let verdict = judge(rule, placed, &[], candidate);
        assert_eq!((verdict.broken, verdict.penalty.wishes), (None, 1), "{rule}");
    }
    assert_eq!(judge("prefer:hostname UNIQUE", &["h1"], &[], "h2"), Verdict::default());
    assert!(Rules::new(&[constraint("prefer:rack IS a")]).have_degrees());
    assert!(Rules::new(&[constraint("rack GROUP_BY")]).have_degrees());
    assert!(!Rules::new(&[constraint("rack IS a"), constraint("hostname UNIQUE")]).have_degrees());
}

#[test]
fn all_rules_must_hold_and_the_first_broken_one_is_named() {
    let rules = Rules::new(&[constraint("rack IS a"), constraint("hostname UNIQUE"), constraint("cores IS 4")]);
    let placed = Placed::new(&rules);
    let broken = |text: &str| rules.judge(&Place::from(&agent(text)), &placed).broken.map(|broken| broken.index);
    assert_eq!(broken("h;rack:a;cores:4"), None);
    assert_eq!(broken("h;rack:a;cores:5"), Some(2));
    assert_eq!(broken("h;rack:b;cores:5"), Some(0));
}
