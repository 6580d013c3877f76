//! What people write: resources, attributes, and what is refused of them.

use proto_types::{
    AgentInfo, Resources, Scalar,
    attributes::AttributeValue,
    constraints::{Constraint, OfferConstraints, Predicate, Selector},
    resources::parse_attributes,
};

#[test]
fn resources_read_as_written() {
    for (text, printed) in [
        ("", ""),
        (" cpus : 4 ; mem : 8192 ;", "cpus:4;mem:8192"),
        ("mem:1;cpus:.5", "cpus:0.5;mem:1"),
        ("ports:[31000-31002, 31005, 31003-31004]", "ports:[31000-31005]"),
        ("gpus(ml):2", "gpus(ml):2"),
        ("cpus(*):1", "cpus:1"),
        ("tags:{b, a,b}", "tags:{a,b}"),
        ("cpus:0;ports:[];tags:{}", ""),
        ("addresses:[0-18446744073709551615]", "addresses:[0-18446744073709551615]"),
    ] {
        assert_eq!(text.parse::<Resources>().unwrap().to_string(), printed, "{text:?}");
    }
}

#[test]
fn resources_that_do_not_read_say_why() {
    for (text, words) in [
        ("cpus", "name:value"),
        (":1", "must not be empty"),
        ("cpus(a:1", "is no name"),
        ("cpus)a(:1", "is no name"),
        ("cpus):1", "name:value or"),
        ("c pus:1", "spaces"),
        ("cpus:x", "neither a number"),
        ("cpus:-1", "neither a number"),
        ("cpus:1.0001", "neither a number"),
        ("cpus:[1-2]", "must be a number such as 0.5"),
        ("mem:{a}", "must be a number such as 0.5"),
        ("ports:5", "must be ranges from 1 to 65535"),
        ("ports:[0-5]", "must be ranges from 1 to 65535"),
        ("ports:[1-65536]", "must be ranges from 1 to 65535"),
        ("ports:[5-1]", "neither a number"),
        ("ports:[a]", "neither a number"),
        ("ports:[1-99999999999999999999]", "neither a number"),
        ("cpus(a b):1", "part \"a b\""),
        ("cpus{REV}:1", "is no name"),
        ("a/b:1", "'/'"),
    ] {
        let error = text.parse::<Resources>().expect_err(text).to_string();
        assert!(error.contains(words), "{text:?}: {error:?} does not say {words:?}");
    }
    let most = Scalar::MAX;
    let error = format!("cpus:{most};cpus:{most}").parse::<Resources>().unwrap_err().to_string();
    assert!(error.starts_with("cpus adds up to more than"), "{error}");
}

#[test]
fn attributes_are_what_they_look_like() {
    let attributes = parse_attributes("rack:r1; cores:8 ;ports:[1-9];set:{a};url:a:b;wrong:[9-1]").unwrap();
    let kind = |value: &AttributeValue| match value {
        AttributeValue::Scalar(_) => "scalar",
        AttributeValue::Ranges(_) => "ranges",
        AttributeValue::Text(_) => "text",
    };
    let kinds: Vec<_> = attributes.0.iter().map(|attribute| kind(&attribute.value)).collect();
    assert_eq!(kinds, ["text", "scalar", "ranges", "text", "text", "text"]);
    assert_eq!(attributes.to_string(), "rack:r1;cores:8;ports:[1-9];set:{a};url:a:b;wrong:[9-1]");
    assert_eq!(parse_attributes(&attributes.to_string()).unwrap(), attributes);
    assert_eq!(attributes.named("rack").count(), 1);
    for wrong in ["rack", "rack:", ":r1"] {
        assert!(parse_attributes(wrong).is_err(), "{wrong:?}");
    }
}

fn agent() -> AgentInfo {
    AgentInfo {
        hostname: "h1".to_owned(),
        attributes: parse_attributes("rack:r1;rack:r2;cores:8").unwrap(),
        zone: Some("z1".to_owned()),
        ..AgentInfo::default()
    }
}

#[test]
fn constraints_look_at_texts() {
    let text = |text: &str| text.to_owned();
    let attribute = |name: &str| Selector::Attribute(name.to_owned());
    for (selector, predicate, admits) in [
        (Selector::Hostname, Predicate::Equals(text("h1")), true),
        (Selector::Hostname, Predicate::NotEquals(text("h1")), false),
        (Selector::Zone, Predicate::Exists, true),
        (Selector::Region, Predicate::Exists, false),
        (Selector::Region, Predicate::NotExists, true),
        (Selector::Region, Predicate::Equals(text("r")), false),
        (Selector::Region, Predicate::NotEquals(text("r")), true),
        (attribute("rack"), Predicate::Equals(text("r1")), true),
        (attribute("rack"), Predicate::Equals(text("r2")), false),
        (attribute("rack"), Predicate::NotExists, false),
        (attribute("none"), Predicate::NotExists, true),
        (attribute("none"), Predicate::Exists, false),
        // What is no text satisfies all that asks for one.
        (attribute("cores"), Predicate::Exists, true),
        (attribute("cores"), Predicate::NotExists, false),
        (attribute("cores"), Predicate::Equals(text("9")), true),
        (attribute("cores"), Predicate::NotEquals(text("8")), true),
    ] {
        let constraint = Constraint { selector, predicate };
        assert_eq!(constraint.admits(&agent()), admits, "{constraint}");
    }
}

#[test]
fn one_group_must_hold() {
    let zone = |name: &str| Constraint { selector: Selector::Zone, predicate: Predicate::Equals(name.to_owned()) };
    let host = Constraint { selector: Selector::Hostname, predicate: Predicate::Equals("h1".to_owned()) };
    let admits = |groups: Vec<Vec<Constraint>>| {
        OfferConstraints { groups, ..OfferConstraints::default() }.admits_agent(&agent())
    };
    assert!(admits(Vec::new()));
    assert!(admits(vec![Vec::new()]));
    assert!(admits(vec![vec![zone("z2")], vec![zone("z1"), host.clone()]]));
    assert!(!admits(vec![vec![zone("z2")], vec![zone("z2"), host]]));
}

#[test]
fn the_minimum_is_of_one_agent() {
    let minimum: Resources = "cpus:8;mem:1024".parse().unwrap();
    let constraints = OfferConstraints { minimum: minimum.quantities(), ..OfferConstraints::default() };
    for (free, admits) in [
        ("cpus:8;mem:1024", true),
        ("cpus:4;cpus(a):4;mem:2048", true),
        ("cpus:7.999;mem:1024", false),
        ("cpus:9", false),
    ] {
        assert_eq!(constraints.admits_amounts(&free.parse().unwrap()), admits, "{free}");
    }
}
