//! Who gets what is here: `allow`, `deny`, `auth_basic`, `satisfy`, `limit_except`.

use super::{Gateway, Network, SetTarget, Settings, Template};
use crate::http::Method;
use crate::http::method::MethodSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What is asked of a client before it gets an answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Access {
    /// `allow` and `deny`. None: no address is asked for.
    pub rules: Option<Arc<AddressRules>>,
    /// `auth_basic`: the realm that the browser shows. A realm whose value is "off" asks for no password. Default none.
    pub realm: Option<Template>,
    /// `auth_basic_user_file`. Without it, `auth_basic` asks for nothing, as in nginx.
    pub user_file: Option<UserFile>,
    /// `auth_delay`: how long a client waits for the answer 401. Default 0.
    pub auth_delay: Duration,
    /// `auth_request`: the path that the server asks itself first, with or without a query.
    pub subrequest: Option<Arc<str>>,
    /// `auth_request_set`: variables, and what they get of the answer.
    pub subrequest_sets: Arc<[(SetTarget, Template)]>,
    /// `satisfy`. Default all.
    pub satisfy: Satisfy,
}

/// `auth_basic_user_file PATH;`
#[derive(Clone, PartialEq, Debug)]
pub struct UserFile {
    /// The path; absolute if it has no variables.
    pub path: Template,
    /// The folder of a path that turns out to be relative.
    pub prefix: PathBuf,
}

/// `satisfy all|any;`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Satisfy {
    /// Each check must allow the request, or have nothing to say.
    #[default]
    All,
    /// One check that allows the request is enough.
    Any,
}

/// `limit_except METHOD ... { }`
#[derive(Clone, Debug)]
pub struct LimitExcept {
    /// The methods that the block is not for.
    pub methods: MethodSet,
    /// What is asked for the other methods.
    pub access: Access,
    /// What requests with the other methods are passed to: that of the location, unless the block has a `proxy_pass`.
    pub gateway: Option<Arc<Gateway>>,
}

impl Access {
    /// Whether there is nothing to check.
    pub fn is_open(&self) -> bool {
        self.rules.is_none() && (self.realm.is_none() || self.user_file.is_none()) && self.subrequest.is_none()
    }

    /// Whether no client can pass, whatever its address and password.
    pub fn is_closed(&self) -> bool {
        let is_closed = self.rules.as_ref().is_some_and(|rules| rules.deny_all());
        let has_others = self.subrequest.is_some() || self.realm.is_some() && self.user_file.is_some();
        let may_log_in = self.satisfy == Satisfy::Any && has_others;
        is_closed && !may_log_in
    }
}

impl Settings {
    /// What is asked of a client for this method.
    pub fn access_for(&self, method: Method) -> &Access {
        match &self.limit_except {
            Some(limit) if !limit.methods.contains(method) => &limit.access,
            _ => &self.access,
        }
    }

    /// What requests with this method are passed to.
    pub fn gateway_for(&self, method: Method) -> Option<&Arc<Gateway>> {
        match &self.limit_except {
            Some(limit) if !limit.methods.contains(method) => limit.gateway.as_ref(),
            _ => self.gateway.as_ref(),
        }
    }

    /// Whether something is asked of clients, for some method.
    pub fn checks_access(&self) -> bool {
        !self.access.is_open() || self.limit_except.as_ref().is_some_and(|limit| !limit.access.is_open())
    }

    /// Whether a client's request that comes here stays here: the location is not `internal`, and no `return`,
    /// `rewrite` or `if` decides before its handlers.
    pub fn is_direct(&self) -> bool {
        let has_program = self.program.as_ref().is_some_and(|program| program.may_answer());
        !self.internal && self.return_.is_none() && !has_program && self.try_files.is_none()
    }

    /// Whether a request with this method gets no answer here, whoever sends it: by `methods`, or because everybody is
    /// denied.
    pub fn refuses(&self, method: Method) -> bool {
        self.methods.is_some_and(|methods| !methods.contains(method)) || self.access_for(method).is_closed()
    }
}

/// What a rule says of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressRule {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
}

/// The addresses that a rule is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Addresses {
    /// `all`
    All,
    /// A network, or all clients of unix sockets.
    Of(Network),
}

/// All `allow` and `deny` of a level.
///
/// The first rule that fits an address counts. So that a long list costs no more than a short one, it is turned at load
/// into ranges that do not overlap, in the order of their first addresses: a search by halves finds an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressRules {
    v4: Box<[Range<u32>]>,
    v6: Box<[Range<u128>]>,
    unix: Option<AddressRule>,
}

/// The addresses from `first` up to the next range, with what is said of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Range<T> {
    first: T,
    rule: Option<AddressRule>,
}

impl AddressRules {
    /// The rules in their order.
    pub fn new(rules: &[(Addresses, AddressRule)]) -> Self {
        let v4 = |(addresses, _): &(Addresses, AddressRule)| match *addresses {
            Addresses::All => Some((0, u128::from(u32::MAX))),
            Addresses::Of(Network::V4(first, last)) => Some((first.into(), last.into())),
            Addresses::Of(Network::V6(..) | Network::Unix) => None,
        };
        let v6 = |(addresses, _): &(Addresses, AddressRule)| match *addresses {
            Addresses::All => Some((0, u128::MAX)),
            Addresses::Of(Network::V6(first, last)) => Some((first, last)),
            Addresses::Of(Network::V4(..) | Network::Unix) => None,
        };
        let unix =
            rules.iter().find(|(addresses, _)| matches!(addresses, Addresses::All | Addresses::Of(Network::Unix)));
        let narrow = |range: &Range<u128>| Range { first: range.first as u32, rule: range.rule };
        Self {
            v4: ranges(rules, v4, u32::MAX.into()).iter().map(narrow).collect(),
            v6: ranges(rules, v6, u128::MAX).into_boxed_slice(),
            unix: unix.map(|(_, rule)| *rule),
        }
    }

    /// The rule for an address. As in nginx, the rules for IPv4 count for an IPv4 address that is written as an IPv6
    /// one (::ffff:192.0.2.1), if there are any.
    pub fn of(&self, address: IpAddr) -> Option<AddressRule> {
        let v6 = match address {
            IpAddr::V4(v4) => return find(&self.v4, u32::from(v4)),
            IpAddr::V6(v6) => v6,
        };
        match v6.to_ipv4_mapped() {
            Some(v4) if !self.v4.is_empty() => find(&self.v4, u32::from(v4)),
            _ => find(&self.v6, u128::from(v6)),
        }
    }

    /// The rule for clients of unix sockets.
    pub fn of_unix(&self) -> Option<AddressRule> {
        self.unix
    }

    /// Whether every address is denied.
    fn deny_all(&self) -> bool {
        let deny = |rule: Option<AddressRule>| rule == Some(AddressRule::Deny);
        let whole = !self.v4.is_empty() && !self.v6.is_empty() && deny(self.unix);
        whole && self.v4.iter().all(|range| deny(range.rule)) && self.v6.iter().all(|range| deny(range.rule))
    }
}

fn find<T: Ord + Copy>(ranges: &[Range<T>], address: T) -> Option<AddressRule> {
    let behind = ranges.partition_point(|range| range.first <= address);
    ranges[..behind].last()?.rule
}

/// Turns rules into ranges. `block_of` gives the first and last address of a rule, or None if it is for another family.
///
/// Two blocks are apart from each other, or one contains the other. So the blocks around an address form a stack, and
/// the rule that counts is the earliest of that stack.
fn ranges(
    rules: &[(Addresses, AddressRule)],
    block_of: impl Fn(&(Addresses, AddressRule)) -> Option<(u128, u128)>,
    last: u128,
) -> Vec<Range<u128>> {
    let blocks = rules.iter().enumerate().filter_map(|(at, rule)| block_of(rule).map(|(from, to)| (from, to, at)));
    let mut blocks: Vec<(u128, u128, usize)> = blocks.collect();
    if blocks.is_empty() {
        return Vec::new();
    }
    blocks.sort_by_key(|&(from, to, at)| (from, std::cmp::Reverse(to), at));
    let mut ranges = vec![Range { first: 0, rule: None }];
    let mut around: Vec<(u128, usize)> = Vec::new(); // the last address of each block, and the rule that counts in it
    for (from, to, at) in blocks {
        leave(&mut around, |end| end < from, rules, last, &mut ranges);
        let earliest = around.last().map_or(at, |&(_, outer)| outer.min(at));
        around.push((to, earliest));
        begin(&mut ranges, from, Some(rules[earliest].1));
    }
    leave(&mut around, |_| true, rules, last, &mut ranges);
    ranges
}

/// Ends the blocks that `is_over` names: behind each, the rule of the block around it counts.
fn leave(
    around: &mut Vec<(u128, usize)>,
    is_over: impl Fn(u128) -> bool,
    rules: &[(Addresses, AddressRule)],
    last: u128,
    ranges: &mut Vec<Range<u128>>,
) {
    while let Some((end, _)) = around.pop_if(|(end, _)| is_over(*end)) {
        if end < last {
            begin(ranges, end + 1, around.last().map(|&(_, outer)| rules[outer].1));
        }
    }
}

/// Begins a range. Two ranges in a row never have the same rule.
fn begin(ranges: &mut Vec<Range<u128>>, first: u128, rule: Option<AddressRule>) {
    ranges.pop_if(|range| range.first == first);
    if ranges.last().is_none_or(|range| range.rule != rule) {
        ranges.push(Range { first, rule });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn network(text: &str) -> Addresses {
        Addresses::Of(Network::parse(text).expect("a network").0)
    }

    /// What the first rule that fits says: the definition.
    fn first_that_fits(rules: &[(Addresses, AddressRule)], address: Ipv4Addr) -> Option<AddressRule> {
        let fits = |addresses: &Addresses| match *addresses {
            Addresses::All => true,
            Addresses::Of(Network::V4(first, last)) => (first..=last).contains(&u32::from(address)),
            _ => false,
        };
        rules.iter().find(|(addresses, _)| fits(addresses)).map(|(_, rule)| *rule)
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        use AddressRule::{Allow, Deny};
        let lists: &[&[(Addresses, AddressRule)]] = &[
            &[(Addresses::All, Deny)],
            &[(network("10.0.0.0/8"), Allow), (Addresses::All, Deny)],
            &[(Addresses::All, Deny), (network("10.0.0.0/8"), Allow)],
            &[(network("10.1.2.3/32"), Deny), (network("10.1.0.0/16"), Allow), (network("10.0.0.0/8"), Deny)],
            &[(network("10.1.0.0/16"), Allow), (network("10.1.2.3/32"), Deny), (network("0.0.0.0/0"), Deny)],
            &[(network("255.255.255.255/32"), Deny), (network("0.0.0.0/32"), Deny), (network("128.0.0.0/1"), Allow)],
            &[(network("10.0.0.0/9"), Deny), (network("10.128.0.0/9"), Deny), (network("11.0.0.0/8"), Allow)],
        ];
        for rules in lists {
            let compiled = AddressRules::new(rules);
            for text in [
                "0.0.0.0",
                "0.0.0.1",
                "9.255.255.255",
                "10.0.0.0",
                "10.0.255.255",
                "10.1.0.0",
                "10.1.2.2",
                "10.1.2.3",
                "10.1.2.4",
                "10.1.255.255",
                "10.2.0.0",
                "10.127.255.255",
                "10.128.0.0",
                "10.255.255.255",
                "11.0.0.0",
                "12.0.0.0",
                "127.255.255.255",
                "128.0.0.0",
                "255.255.255.254",
                "255.255.255.255",
            ] {
                let ip: Ipv4Addr = text.parse().expect("an address");
                assert_eq!(compiled.of(ip.into()), first_that_fits(rules, ip), "{text} in {rules:?}");
            }
        }
    }

    #[test]
    fn neighbours_with_one_rule_are_one_range() {
        let rules = [(network("10.0.0.0/9"), AddressRule::Deny), (network("10.128.0.0/9"), AddressRule::Deny)];
        assert_eq!(AddressRules::new(&rules).v4.len(), 3);
        let many: Vec<_> =
            (0..50_000u32).map(|n| (Addresses::Of(Network::V4(n << 8, n << 8)), AddressRule::Deny)).collect();
        assert_eq!(AddressRules::new(&many).v4.len(), 2 * many.len());
    }

    #[test]
    fn each_family_has_its_own_rules() {
        use AddressRule::{Allow, Deny};
        let v6 = network("2001:db8::/32");
        let rules =
            AddressRules::new(&[(network("192.0.2.0/24"), Deny), (v6, Allow), (Addresses::Of(Network::Unix), Deny)]);
        let of = |text: &str| rules.of(text.parse().expect("an address"));
        for (text, expected) in [
            ("192.0.2.255", Some(Deny)),
            ("192.0.3.0", None),
            ("::ffff:192.0.2.1", Some(Deny)),
            ("::ffff:192.0.3.1", None),
            ("2001:db8:ffff::1", Some(Allow)),
            ("2001:db9::", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        assert_eq!(rules.of_unix(), Some(Deny));
        let all = network("::/0");
        let only_v6 = AddressRules::new(&[(all, Deny)]);
        assert_eq!(only_v6.of("::ffff:192.0.2.1".parse().expect("an address")), Some(Deny));
        assert_eq!((only_v6.of(Ipv4Addr::LOCALHOST.into()), only_v6.of_unix()), (None, None));
    }

    #[test]
    fn a_place_is_closed_if_nobody_can_pass() {
        let rules = |list: &[(Addresses, AddressRule)]| Some(Arc::new(AddressRules::new(list)));
        let closed = Access { rules: rules(&[(Addresses::All, AddressRule::Deny)]), ..Access::default() };
        assert!(closed.is_closed() && !closed.is_open());
        let first_allows = [(network("10.0.0.0/8"), AddressRule::Allow), (Addresses::All, AddressRule::Deny)];
        assert!(!Access { rules: rules(&first_allows), ..Access::default() }.is_closed());
        assert!(
            !Access { rules: rules(&[(network("0.0.0.0/0"), AddressRule::Deny)]), ..Access::default() }.is_closed()
        );
        let realm = Template::parse("x").ok();
        let user_file = Template::parse("f").ok().map(|path| UserFile { path, prefix: PathBuf::new() });
        assert!(Access { realm: realm.clone(), ..closed.clone() }.is_closed());
        let any = Access { realm: realm.clone(), user_file, satisfy: Satisfy::Any, ..closed };
        assert!(!any.is_closed());
        assert!(Access { realm, ..Access::default() }.is_open(), "without a file of users nothing is asked");
    }
}
