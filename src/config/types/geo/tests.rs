use super::*;
use std::net::Ipv4Addr;

fn next(state: &mut u64, most: u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 16) as u32 % most
}

fn at(table: &GeoAddresses, address: u32) -> u32 {
    table.find(Some(Ipv4Addr::from_bits(address).into()))
}

/// Random networks of few addresses at the end of the address space, compared with a search for the smallest one.
#[test]
fn the_smallest_network_counts() {
    let base = u32::MAX - 31;
    for seed in 1..300 {
        let (mut state, mut networks, mut model) = (seed, GeoNetworks::default(), HashMap::new());
        for value in 1..12 {
            let bits = next(&mut state, 6);
            let first = base + (next(&mut state, 32) >> bits << bits);
            let last = first + ((1 << bits) - 1);
            if next(&mut state, 4) == 0 {
                assert_eq!(networks.remove_v4(first, last), model.remove(&(first, last)).is_some());
            } else {
                assert_eq!(networks.add_v4(first, last, value), model.insert((first, last), value));
            }
        }
        let table = networks.finish();
        for address in base..=u32::MAX {
            let around = model.iter().filter(|((first, last), _)| (*first..=*last).contains(&address));
            let smallest = around.min_by_key(|((first, last), _)| last - first);
            assert_eq!(at(&table, address), smallest.map_or(0, |(_, value)| *value), "seed {seed}");
        }
        assert_eq!(at(&table, 0), 0);
    }
}

#[test]
fn addresses_of_all_kinds() {
    let mut networks = GeoNetworks::default();
    networks.add_default(1);
    networks.add_v4(0x7f00_0000, 0x7fff_ffff, 2);
    networks.add_v6(1, 1, 3);
    networks.add_v4(u32::MAX, u32::MAX, 4);
    let table = networks.finish();
    let rows = [
        ("127.0.0.1", 2),
        ("128.0.0.0", 1),
        ("126.255.255.255", 1),
        ("::1", 3),
        ("::", 1),
        ("::2", 1),
        ("::ffff:127.0.0.1", 2),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1),
        ("no address", 4),
    ];
    for (text, expected) in rows {
        assert_eq!(table.find(text.parse().ok()), expected, "{text}");
    }
    let mut ranges = GeoRanges::default();
    ranges.add(0, u32::MAX - 1, 1);
    let table = ranges.finish();
    assert_eq!((at(&table, 0), at(&table, u32::MAX - 1), at(&table, u32::MAX)), (1, 1, 0));
    assert_eq!((table.find(None), table.find("::1".parse().ok())), (0, 0));
    assert_eq!(GeoAddresses::default().find(None), 0);
}

/// What nginx's 65,536 lists would do with a range: its pieces, each by itself.
#[derive(Default)]
struct Pieces(BTreeMap<u32, Vec<(u32, u32, u32)>>);

impl Pieces {
    fn of(first: u32, last: u32) -> Vec<(u32, u32)> {
        let piece = |high: u32| (first.max(high << 16), last.min(high << 16 | 0xffff));
        (first >> 16..=last >> 16).map(piece).collect()
    }

    fn may_add(&self, first: u32, last: u32) -> bool {
        Self::of(first, last).iter().all(|(s, e)| {
            let list = self.0.get(&(s >> 16)).into_iter().flatten();
            list.clone().all(|(from, to, _)| e < from || s > to || s >= from && e <= to)
        })
    }

    fn add(&mut self, first: u32, last: u32, value: u32) {
        for (s, e) in Self::of(first, last) {
            let list = self.0.entry(s >> 16).or_default();
            let cut = |(from, to, old): (u32, u32, u32)| {
                let before = (from < s).then(|| (from, to.min(s.wrapping_sub(1)), old));
                let behind = (to > e).then(|| (from.max(e.wrapping_add(1)), to, old));
                [before, behind].into_iter().flatten()
            };
            *list = list.iter().copied().flat_map(cut).chain([(s, e, value)]).collect();
        }
    }

    fn value(&self, address: u32) -> u32 {
        let list = self.0.get(&(address >> 16)).into_iter().flatten();
        list.clone().find(|(from, to, _)| (*from..=*to).contains(&address)).map_or(0, |(_, _, value)| *value)
    }
}

/// Random ranges around the border of two pieces.
#[test]
fn ranges_as_in_nginx() {
    let base = 0x0a00_fff0;
    for seed in 1..600 {
        let (mut state, mut ranges, mut model) = (seed, GeoRanges::default(), Pieces::default());
        for value in 1..10 {
            let first = base + next(&mut state, 24);
            let last = first + next(&mut state, 8);
            let added = ranges.add(first, last, value);
            assert_eq!(
                matches!(added, RangeAdded::Overlaps(..)),
                !model.may_add(first, last),
                "seed {seed}: {added:?}"
            );
            if !matches!(added, RangeAdded::Overlaps(..)) {
                model.add(first, last, value);
            }
        }
        let table = ranges.finish();
        for address in base - 2..base + 40 {
            assert_eq!(at(&table, address), model.value(address), "seed {seed}");
        }
    }
}

#[test]
fn ranges_are_removed_if_they_are_there() {
    let mut ranges = GeoRanges::default();
    assert_eq!(ranges.add(100, 200, 1), RangeAdded::New);
    assert_eq!(ranges.add(100, 200, 2), RangeAdded::Again(1));
    assert_eq!(ranges.add(120, 130, 3), RangeAdded::New);
    assert_eq!(ranges.add(90, 100, 4), RangeAdded::Overlaps(100, 119));
    assert!(!ranges.remove(100, 200) && !ranges.remove(120, 129) && !ranges.remove(0, 5));
    assert!(ranges.remove(120, 130) && ranges.remove(100, 119));
    assert_eq!(ranges.add(0x0a0a_0300, 0x0a0b_02ff, 5), RangeAdded::New);
    let table = ranges.finish();
    assert_eq!([99, 110, 125, 131, 200, 201, 0x0a0b_0000].map(|address| at(&table, address)), [0, 0, 0, 2, 2, 0, 5]);
}
