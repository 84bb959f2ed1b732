//! Tests of the pipe.

use super::*;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::rc::Rc;

fn file() -> Rc<OwnedFd> {
    Rc::new(std::fs::File::open("/dev/null").expect("/dev/null opens").into())
}

fn text(pipe: &Pipe) -> Vec<u8> {
    pipe.queue.iter().flat_map(|s| s.bytes().unwrap_or_default().to_vec()).collect()
}

#[test]
fn bytes_leave_in_the_order_in_which_they_came() {
    let mut pipe = Pipe::new(100);
    pipe.push_copy(b"one ");
    pipe.push_bytes(b"two ".to_vec());
    pipe.push(Segment::shared(Rc::from(&b"xxthreexx"[..]), 2..7));
    assert_eq!((pipe.len(), pipe.room(), text(&pipe)), (13, 87, b"one two three".to_vec()));
    pipe.consume(6);
    assert_eq!((text(&pipe), pipe.taken_bytes()), (b"o three".to_vec(), 6));
    assert_eq!(pipe.contiguous(), b"o three");
    pipe.consume(7);
    assert!(pipe.is_empty() && pipe.front().is_none());
    assert_eq!(pipe.queue.first().capacity(), 0, "an idle pipe holds no memory");
}

#[test]
fn a_file_range_takes_no_memory_and_stops_a_gather() {
    let mut pipe = Pipe::new(10);
    pipe.push_copy(b"head");
    pipe.push(Segment::file(file(), 5..1_000_005));
    pipe.push_copy(b"tail");
    assert_eq!((pipe.len(), pipe.room()), (1_000_008, 2));
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(pipe.gather(&mut slices), (1, 4, true));
    pipe.consume(4 + 10);
    let Some(Front::File(_, range)) = pipe.front() else { panic!("the file is next") };
    assert_eq!(range, 15..1_000_005);
    pipe.consume(1_000_000 - 10);
    assert_eq!(pipe.contiguous(), b"tail");
}

#[test]
fn taking_a_part_leaves_the_rest() {
    let mut pipe = Pipe::new(100);
    pipe.push_copy(b"abcdef");
    pipe.push(Segment::file(file(), 0..100));
    let mut taken = |most| {
        let segment = pipe.take(most).expect("a segment");
        (segment.bytes().map(<[u8]>::to_vec), segment.range().map(|(_, range)| range))
    };
    assert_eq!(taken(2), (Some(b"ab".to_vec()), None));
    assert_eq!(taken(100), (Some(b"cdef".to_vec()), None));
    assert_eq!(taken(30), (None, Some(0..30)));
    assert_eq!(taken(300), (None, Some(30..100)));
    assert!(pipe.take(1).is_none());
    assert_eq!((pipe.len(), pipe.room(), pipe.taken_bytes()), (0, 100, 106));
}

#[test]
fn too_many_segments_are_as_full_as_too_many_bytes() {
    let mut pipe = Pipe::new(1 << 20);
    let (byte, many): (Rc<[u8]>, usize) = (Rc::from(&b"x"[..]), SEGMENTS_MAX);
    for _ in 0..many {
        assert!(pipe.room() > 0);
        pipe.push(Segment::shared(Rc::clone(&byte), 0..1));
    }
    assert_eq!(pipe.room(), 0);
}

/// Random pushes, takes and consumes against a plain byte queue.
#[test]
fn a_pipe_is_a_queue_of_bytes() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let (mut pipe, mut model, mut out) = (Pipe::new(64), VecDeque::new(), Vec::new());
    let mut next = 0u8;
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random(9)).map(|i| next.wrapping_add(i as u8)).collect();
        next = next.wrapping_add(bytes.len() as u8);
        match random(6) {
            0 => pipe.push_copy(&bytes),
            1 => pipe.push_bytes(bytes.clone()),
            2 => pipe.push(Segment::shared(Rc::from(&bytes[..]), 0..bytes.len())),
            other => {
                let count = random(12).min(pipe.len());
                match other {
                    3 => {
                        out.extend(pipe.take(count).map(|s| s.bytes().unwrap_or_default().to_vec()).unwrap_or_default())
                    }
                    4 => {
                        out.extend(pipe.contiguous()[..count as usize].to_vec());
                        pipe.consume(count);
                    }
                    _ => assert_eq!(pipe.room(), 64usize.saturating_sub(pipe.len() as usize)),
                }
                next = next.wrapping_sub(bytes.len() as u8);
                continue;
            }
        }
        model.extend(bytes);
    }
    out.extend(text(&pipe));
    assert_eq!(out, model.into_iter().collect::<Vec<u8>>());
}

/// A bug: each byte of a slow client made the pipe copy all bytes before it: 8 GB for a head of 128 KiB.
#[test]
fn bytes_that_come_one_by_one_are_not_copied_with_each() {
    let (mut pipe, mut moves, mut last) = (Pipe::new(1 << 20), 0, std::ptr::null());
    for i in 0..100_000u32 {
        pipe.push_copy(&[i as u8]);
        let at = pipe.contiguous().as_ptr();
        moves += usize::from(at != last);
        last = at;
    }
    assert!(moves < 40, "moved {moves} times");
    // Consumed bytes are freed: the buffer does not grow with the number of bytes that pass through it.
    for i in 0..200_000u32 {
        pipe.push_copy(&[i as u8]);
        pipe.consume(if pipe.len() > 10 { pipe.len() - 1 } else { 1 });
        pipe.contiguous();
    }
    let buffer_bytes = pipe.queue.first().capacity();
    assert!(pipe.len() < 10 && buffer_bytes < 300_000, "{} bytes in {buffer_bytes}", pipe.len());
}

#[test]
fn a_wider_pipe_keeps_what_is_in_it() {
    let mut pipe = Pipe::new(10);
    pipe.push_copy(b"bytes");
    pipe.widen(20);
    assert_eq!((pipe.len(), pipe.room()), (5, 15));
    pipe.widen(3);
    assert_eq!(pipe.room(), 15, "it is never made narrower");
}

#[test]
fn a_pipe_that_is_filled_again_and_again_takes_no_new_memory() {
    let (mut buffers, mut pipe, mut places) = (Buffers::default(), Pipe::new(100), Vec::new());
    for _ in 0..3 {
        let mut bytes = buffers.take(10);
        bytes.extend_from_slice(b"bytes");
        pipe.push_buffer(bytes, &mut buffers);
        pipe.push_copy(b" and more");
        places.push(pipe.contiguous().as_ptr());
        pipe.consume_into(pipe.len(), &mut buffers);
        assert_eq!((pipe.is_empty(), pipe.queue.first().capacity()), (true, 0));
    }
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

/// What the pipe holds in order: bytes, and ranges of the file with this content.
fn whole(pipe: &mut Pipe, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(segment) = pipe.take(u64::MAX) {
        match segment.range() {
            Some((_, range)) => out.extend_from_slice(&content[range.start as usize..range.end as usize]),
            None => out.extend_from_slice(segment.bytes().unwrap_or_default()),
        }
    }
    out
}

#[test]
fn written_bytes_are_replaced_by_their_range() {
    let (file, other) = (file(), file());
    let mut pipe = Pipe::new(100);
    pipe.push_copy(b"abc");
    pipe.push(Segment::shared(Rc::from(&b"defgh"[..]), 0..5));
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(pipe.gather_tail(&mut slices), (2, 8));
    pipe.replace_tail(&file, 0..5); // a part of the second segment has been written
    assert_eq!((pipe.len(), pipe.files(), pipe.room()), (8, 1, 97));
    let mut slices = [IoSlice::new(&[]); 8];
    assert_eq!(pipe.gather_tail(&mut slices), (1, 3));
    assert_eq!(&slices[0][..], b"fgh");
    pipe.replace_tail(&file, 5..8);
    assert_eq!((pipe.len(), pipe.files(), pipe.room()), (8, 1, 100), "ranges that meet are one");
    pipe.push_copy(b"ij");
    pipe.replace_tail(&other, 8..10);
    assert_eq!((pipe.len(), pipe.files()), (10, 2), "of another file");
    assert_eq!((pipe.gather_tail(&mut [IoSlice::new(&[]); 8]), pipe.is_empty()), ((0, 0), false));
}

/// Random pushes and takes, while random numbers of bytes move from memory into a file: the order of the bytes stays.
#[test]
fn a_spooled_pipe_is_a_queue_of_bytes() {
    for seed in 1..=50 {
        let mut random = crate::http::seeded::Seeded(seed);
        let (spool, mut content, mut pipe) = (file(), Vec::new(), Pipe::new(1 << 20));
        let (mut model, mut out, mut next) = (Vec::new(), Vec::new(), 0u8);
        for _ in 0..300 {
            match random.below(4) {
                0 | 1 => {
                    let bytes: Vec<u8> = (0..random.below(20)).map(|i| next.wrapping_add(i as u8)).collect();
                    next = next.wrapping_add(bytes.len() as u8);
                    match random.below(2) {
                        0 => pipe.push_copy(&bytes),
                        _ => pipe.push(Segment::shared(Rc::from(&bytes[..]), 0..bytes.len())),
                    }
                    model.extend(bytes);
                }
                2 => {
                    let mut slices = [IoSlice::new(&[]); 4];
                    let (count, bytes) = pipe.gather_tail(&mut slices);
                    let written = random.below(bytes + 1);
                    let start = content.len() as u64;
                    content.extend(slices[..count].iter().flat_map(|run| run.to_vec()).take(written));
                    if written > 0 {
                        pipe.replace_tail(&spool, start..content.len() as u64);
                    }
                }
                _ => {
                    let mut part = Pipe::new(1 << 20);
                    part.push(pipe.take(random.below(30) as u64 + 1).unwrap_or(Segment::owned(Vec::new())));
                    out.extend(whole(&mut part, &content));
                }
            }
            assert_eq!(pipe.len() as usize, model.len() - out.len(), "seed {seed}");
        }
        out.extend(whole(&mut pipe, &content));
        assert_eq!(out, model, "seed {seed}");
    }
}
