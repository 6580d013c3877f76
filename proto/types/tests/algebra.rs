//! The laws that bags of resources obey.

use proptest::{
    collection::{btree_map, btree_set, vec},
    option,
    prelude::*,
};
use proto_types::{
    Principal, Resource, ResourceName, Resources, Role, Scalar,
    resources::{Kind, Limits, Quantities, Ranges, Reservation, ReservationKind, Value},
};

const SCALARS: [&str; 4] = ["cpus", "mem", "disk", "licences"];

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec!["a", "a/b", "c"]).prop_map(|role| Role::new(role).unwrap())
}

fn reservation() -> impl Strategy<Value = Option<Box<Reservation>>> {
    let kind = prop_oneof![
        Just(ReservationKind::Static),
        Just(ReservationKind::Dynamic { principal: Principal::anonymous(), labels: Default::default() }),
    ];
    option::weighted(0.3, (role(), kind).prop_map(|(role, kind)| Box::new(Reservation { role, kind })))
}

fn value() -> impl Strategy<Value = (ResourceName, Value)> {
    let scalar = (prop::sample::select(SCALARS.to_vec()), 0..5_000_u64)
        .prop_map(|(name, milli)| (ResourceName::new(name), Value::Scalar(Scalar::from_milli(milli))));
    let ports = vec((1..60_u64, 0..9_u64), 0..3).prop_map(|pairs| {
        let ranges = Ranges::new(pairs.into_iter().map(|(start, length)| (start, start + length))).unwrap();
        (ResourceName::Ports, Value::Ranges(ranges))
    });
    let set = btree_set("[a-d]", 0..4).prop_map(|items| (ResourceName::new("tags"), Value::Set(items)));
    prop_oneof![4 => scalar, 1 => ports, 1 => set]
}

fn resource() -> impl Strategy<Value = Resource> {
    (value(), reservation(), any::<bool>()).prop_map(|((name, value), reservation, revocable)| {
        let kind = Kind { name, reservation, volume: None, revocable };
        Resource { kind, value }
    })
}

fn bag() -> impl Strategy<Value = Resources> {
    vec(resource(), 0..8).prop_map(|all| all.into_iter().collect())
}

fn scalar_bag() -> impl Strategy<Value = Resources> {
    bag().prop_map(|bag| bag.iter().filter(|one| matches!(one.value, Value::Scalar(_))).cloned().collect())
}

/// What the text form can say: nothing dynamic, revocable or a volume.
fn plain_bag() -> impl Strategy<Value = Resources> {
    vec((value(), option::of(role())), 0..8).prop_map(|all| {
        let resource = |((name, value), role): (_, Option<Role>)| {
            let kind = ReservationKind::Static;
            let reservation = role.map(|role| Box::new(Reservation { role, kind }));
            Resource { kind: Kind { reservation, ..Kind::plain(name) }, value }
        };
        all.into_iter().map(resource).collect()
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    btree_map(prop::sample::select(SCALARS.to_vec()), 0..6_000_u64, 0..4).prop_map(|limits| {
        limits.into_iter().map(|(name, milli)| (ResourceName::new(name), Scalar::from_milli(milli))).collect()
    })
}

fn sum(a: &Resources, b: &Resources) -> Resources {
    let mut sum = a.clone();
    sum.add(b);
    sum
}

/// Checks that a bag is in its one canonical form.
fn check(bag: &Resources) -> Result<(), TestCaseError> {
    let all: Vec<_> = bag.iter().collect();
    prop_assert!(all.iter().all(|resource| !resource.value.is_empty()), "{}", bag);
    prop_assert!(all.windows(2).all(|two| two[0].kind < two[1].kind), "{}", bag);
    Ok(())
}

proptest! {
    #[test]
    fn bags_are_canonical(all in vec(resource(), 0..8).prop_shuffle(), other in bag()) {
        let bag: Resources = all.iter().cloned().collect();
        check(&bag)?;
        check(&sum(&bag, &other))?;
        check(&bag.minus(&other))?;
        let backwards: Resources = all.into_iter().rev().collect();
        prop_assert_eq!(bag, backwards, "order means nothing");
    }

    #[test]
    fn subtraction_undoes_addition(a in scalar_bag(), b in scalar_bag()) {
        let mut both = sum(&a, &b);
        prop_assert!(both.contains(&a) && both.contains(&b));
        both.subtract(&b).unwrap();
        prop_assert_eq!(both, a);
    }

    /// What is there twice of ranges and sets counts once: of those the law is about what the other does not have.
    #[test]
    fn subtraction_undoes_addition_of_other_things(a in bag(), b in bag()) {
        let rest = a.minus(&b);
        let mut both = sum(&rest, &b);
        prop_assert!(both.contains(&rest) && both.contains(&b));
        both.subtract(&b).unwrap();
        prop_assert_eq!(both, rest);
    }

    #[test]
    fn addition_commutes_and_associates(a in bag(), b in bag(), c in bag()) {
        prop_assert_eq!(sum(&a, &b), sum(&b, &a));
        prop_assert_eq!(sum(&sum(&a, &b), &c), sum(&a, &sum(&b, &c)));
        prop_assert_eq!(sum(&a, &Resources::default()), a);
    }

    #[test]
    fn too_little_changes_nothing(a in bag(), b in bag()) {
        let mut rest = a.clone();
        match rest.subtract(&b) {
            Ok(()) => {
                prop_assert!(a.contains(&b));
                prop_assert_eq!(&rest, &a.minus(&b));
                check(&rest)?;
            }
            Err(missing) => {
                prop_assert!(!a.contains(&b) && !a.contains(&missing.needed) && b.contains(&missing.needed));
                prop_assert_eq!(rest, a);
            }
        }
    }

    #[test]
    fn containment_is_an_order(a in bag(), b in bag(), c in bag()) {
        prop_assert!(a.contains(&a) && a.contains(&Resources::default()));
        prop_assert_eq!(a.contains(&b) && b.contains(&a), a == b);
        let (ab, abc) = (sum(&a, &b), sum(&sum(&a, &b), &c));
        prop_assert!(ab.contains(&a) && abc.contains(&ab) && abc.contains(&a));
    }

    #[test]
    fn nothing_of_a_scalar_is_lost(a in bag(), b in bag()) {
        for name in SCALARS.map(ResourceName::new) {
            prop_assert_eq!(sum(&a, &b).scalar(&name), a.scalar(&name) + b.scalar(&name));
            prop_assert_eq!(a.quantities().get(&name), a.scalar(&name));
        }
        let mut quantities = Quantities::default();
        quantities.add(&a);
        quantities.add(&b);
        prop_assert_eq!(&quantities, &sum(&a, &b).quantities());
        prop_assert!(a.quantities().fits_in(&quantities));
        quantities.subtract(&b);
        prop_assert_eq!(quantities, a.quantities());
    }

    #[test]
    fn what_is_usable_is_reserved_for_nobody_else(a in bag(), role in role()) {
        let usable = a.usable_by(&role);
        prop_assert!(a.contains(&usable));
        prop_assert!(usable.iter().all(|resource| resource.kind.usable_by(&role)));
        prop_assert!(a.minus(&usable).iter().all(|resource| !resource.kind.usable_by(&role)));
    }

    #[test]
    fn shrinking_keeps_limits_and_what_is_reserved(a in bag(), limits in limits()) {
        let shrunk = a.shrunk_to(&limits);
        check(&shrunk)?;
        prop_assert!(a.contains(&shrunk));
        for resource in a.iter().filter(|resource| resource.kind.reservation.is_some()) {
            prop_assert!(shrunk.iter().any(|kept| kept == resource));
        }
        for name in SCALARS.map(ResourceName::new) {
            let free = |bag: &Resources| -> Scalar {
                let of = bag.iter().filter(|one| one.kind.name == name && one.kind.reservation.is_none());
                of.map(|one| if let Value::Scalar(amount) = one.value { amount } else { Scalar::ZERO }).sum()
            };
            let most = limits.get(&name).map_or(free(&a), |limit| limit.min(free(&a)));
            prop_assert_eq!(free(&shrunk), most, "as much as the limit leaves, and no less");
        }
        prop_assert_eq!(shrunk.ports(), a.ports());
    }

    #[test]
    fn text_says_it_all(bag in plain_bag()) {
        prop_assert_eq!(bag.to_string().parse::<Resources>().unwrap(), bag);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9:;.,()\\[\\]{}é -]{0,30}") {
        if let Ok(bag) = text.parse::<Resources>() {
            check(&bag)?;
            prop_assert_eq!(bag.to_string().parse::<Resources>().unwrap(), bag);
        }
    }

    #[test]
    fn scalars_print_and_read(milli in 0..=Scalar::MAX.milli()) {
        let scalar = Scalar::from_milli(milli);
        prop_assert_eq!(scalar.to_string().parse::<Scalar>().unwrap(), scalar);
        prop_assert_eq!(scalar.milli(), milli);
    }
}

#[test]
fn the_largest_amounts_still_add_up() {
    let many: Scalar = std::iter::repeat_n(Scalar::MAX, 65_534).sum();
    assert_eq!((many + Scalar::MAX).checked_sub(many), Some(Scalar::MAX));
    assert_eq!(Scalar::ZERO.checked_sub(Scalar::from_milli(1)), None);
    assert_eq!(Scalar::from_milli(1).saturating_sub(Scalar::MAX), Scalar::ZERO);
}

#[test]
fn kinds_are_kept_apart() {
    let bag: Resources = "cpus:1;cpus(a):2;cpus(a/b):4;cpus:8".parse().unwrap();
    assert_eq!(bag.to_string(), "cpus:9;cpus(a):2;cpus(a/b):4");
    assert_eq!(bag.scalar(&ResourceName::Cpus), Scalar::from_units(15));
    let usable = |role: &str| bag.usable_by(&Role::new(role).unwrap()).to_string();
    assert_eq!(usable("a/b"), "cpus:9;cpus(a):2;cpus(a/b):4");
    assert_eq!(usable("a"), "cpus:9;cpus(a):2");
    assert_eq!(usable("ab"), "cpus:9");
    assert!(!bag.contains(&"cpus:10".parse().unwrap()), "what is reserved is not free");
}

#[test]
fn what_is_missing_is_said() {
    let mut bag: Resources = "cpus:1.5;ports:[1-5]".parse().unwrap();
    let missing = |bag: &mut Resources, text: &str| bag.subtract(&text.parse().unwrap()).unwrap_err().to_string();
    assert_eq!(missing(&mut bag, "cpus:2"), "needs cpus:2, has cpus:1.5");
    assert_eq!(missing(&mut bag, "mem:1"), "needs mem:1, has no mem");
    assert_eq!(missing(&mut bag, "cpus:1;ports:[5-6]"), "needs ports:[5-6], has ports:[1-5]");
    assert_eq!(bag.to_string(), "cpus:1.5;ports:[1-5]");
}
