//! A [`SortedMap`] does what a `BTreeMap` does, whatever is done to it.

use std::collections::{BTreeMap, BTreeSet};

use super::{MapEntry, PART, SortedMap, SortedSet};

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What must hold of the parts.
fn check(map: &SortedMap<u64, String>) {
    let keys: Vec<u64> = map.parts.iter().flatten().map(|(key, _)| *key).collect();
    assert!(keys.is_sorted_by(|one, next| one < next));
    assert_eq!(keys.len(), map.len());
    assert!(
        map.parts
            .iter()
            .all(|part| !part.is_empty() && part.len() <= PART)
    );
}

/// One edit, done to both. Both must answer the same.
fn edit(numbers: &mut Numbers, map: &mut SortedMap<u64, String>, like: &mut BTreeMap<u64, String>) {
    let key = numbers.below(500);
    let value = numbers.below(1_000).to_string();
    match numbers.below(8) {
        0..3 => assert_eq!(map.insert(key, value.clone()), like.insert(key, value)),
        3..5 => assert_eq!(map.remove(&key), like.remove(&key)),
        5 => {
            map.entry(key).or_default().push_str(&value);
            like.entry(key).or_default().push_str(&value);
        }
        6 => {
            let told = map.get_mut(&key).map(std::mem::take);
            assert_eq!(told, like.get_mut(&key).map(std::mem::take));
        }
        _ if numbers.below(40) == 0 => {
            map.retain(|key, _| key % 3 == 0);
            like.retain(|key, _| key % 3 == 0);
        }
        _ => assert_eq!(map.pop_first(), like.pop_first()),
    }
}

/// All ways of reading, of both.
fn compare(map: &SortedMap<u64, String>, like: &BTreeMap<u64, String>) {
    assert!(map.iter().eq(like.iter()));
    assert!(map.iter().rev().eq(like.iter().rev()));
    assert!(map.keys().eq(like.keys()));
    assert!(map.values().eq(like.values()));
    assert!(map.clone().into_iter().eq(like.clone()));
    assert_eq!(map.len(), like.len());
    for key in [0, 77, 250, 499, 600] {
        assert_eq!(map.get(&key), like.get(&key));
        assert!(map.range_from(&key).eq(like.range(key..)));
    }
}

#[test]
fn whatever_is_done_it_is_as_a_tree_would_be() {
    for seed in 0..40 {
        let mut numbers = Numbers(seed);
        let mut map = SortedMap::new();
        let mut like = BTreeMap::new();
        for _ in 0..1_500 {
            edit(&mut numbers, &mut map, &mut like);
            check(&map);
        }
        compare(&map, &like);
    }
}

#[test]
fn both_ends_meet_in_the_middle() {
    for len in [0, 1, 2, PART, PART + 1, 5 * PART + 3] {
        let map: SortedMap<usize, ()> = (0..len).map(|key| (key, ())).collect();
        let mut entries = map.iter();
        let mut seen = Vec::new();
        while entries.len() > 0 {
            seen.extend(entries.next());
            seen.extend(entries.next_back());
        }

        assert_eq!(entries.next(), None);
        assert_eq!(entries.next_back(), None);
        seen.sort_unstable();
        assert!(seen.into_iter().map(|(key, ())| *key).eq(0..len));
    }
}

#[test]
fn entries_in_order_fill_their_parts() {
    let map: SortedMap<usize, ()> = (0..10 * PART).map(|key| (key, ())).collect();

    assert_eq!(map.parts.len(), 10);
}

#[test]
fn values_change_where_they_stand() {
    let mut map = SortedMap::from([(2, "b".to_owned()), (1, "a".to_owned())]);
    for (key, value) in &mut map {
        value.push_str(&key.to_string());
    }
    map.values_mut().for_each(|value| value.push('!'));

    assert_eq!(map[&1], "a1!");
    assert_eq!(map[&2], "b2!");
}

#[test]
fn a_place_is_filled_or_not() {
    let mut map = SortedMap::from([(1, "one")]);
    match map.entry(1) {
        MapEntry::Occupied(mut taken) => {
            assert_eq!((taken.key(), taken.get()), (&1, &"one"));
            assert_eq!(taken.insert("first"), "one");
        }
        MapEntry::Vacant(_) => panic!("1 is there"),
    }
    map.entry(1).and_modify(|word| *word = "uno").or_insert("?");
    map.entry(2).and_modify(|word| *word = "?").or_insert("due");

    assert_eq!(map, SortedMap::from([(1, "uno"), (2, "due")]));
}

#[test]
fn sets_are_as_those_of_a_tree() {
    let mut numbers = Numbers(7);
    let mut draw = |count| -> Vec<u64> { (0..count).map(|_| numbers.below(300)).collect() };
    let (these, others) = (draw(200), draw(150));
    let (one, other): (SortedSet<_>, SortedSet<_>) =
        (these.iter().collect(), others.iter().collect());
    let (one_like, other_like): (BTreeSet<_>, BTreeSet<_>) =
        (these.iter().collect(), others.iter().collect());

    assert!(one.iter().eq(one_like.iter()));
    assert!(one.difference(&other).eq(one_like.difference(&other_like)));
    assert!(
        one.intersection(&other)
            .eq(one_like.intersection(&other_like))
    );
    assert_eq!(one.is_subset(&other), one_like.is_subset(&other_like));
    assert_eq!(one.first(), one_like.first());
    assert_eq!(one.last(), one_like.last());
}

#[test]
fn it_is_written_and_read_as_a_tree_is() {
    let map = SortedMap::from([("b".to_owned(), 2), ("a".to_owned(), 1)]);
    let set = SortedSet::from([3, 1, 2]);

    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"a":1,"b":2}"#);
    assert_eq!(serde_json::to_string(&set).unwrap(), "[1,2,3]");
    assert_eq!(
        serde_json::from_str::<SortedMap<String, i32>>(r#"{"b":2,"a":7,"a":1}"#).unwrap(),
        map
    );
    assert_eq!(
        serde_json::from_str::<SortedSet<i32>>("[2,3,1,3]").unwrap(),
        set
    );
    assert_eq!(format!("{map:?} {set:?}"), r#"{"a": 1, "b": 2} {1, 2, 3}"#);
}
