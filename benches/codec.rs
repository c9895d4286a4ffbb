//! Speed of the codecs: `cargo bench --features msgpack --bench codec`.
//!
//! Sizes are those of the frames. `history` is a page of chat messages; the other events have one text or two binary attachments.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pesan::socketio::packet::Body;
use pesan::socketio::{Decoder, Frame, Limits, Packet, Parser, Value};

/// Event whose text frame has `bytes` bytes.
fn text_event(bytes: usize) -> Packet {
    let frame = |text: String| Packet::new("/", Body::event("pesan", vec![Value::from(text)]));
    let bare = frame(String::new()).encode().len();
    let words = "halo dunia, apa kabar? ";
    frame(words.chars().cycle().take(bytes - bare).collect())
}

/// Page of 100 chat messages, about 15 kB.
fn history() -> Packet {
    let message = |seq: i32| {
        let author = Value::object([("id", Value::from("p7f3a91c")), ("name", Value::from("Sinta"))]);
        Value::object([
            ("room", Value::from("lobby")),
            ("seq", Value::from(seq)),
            ("id", Value::from("m-0123456789abcdef")),
            ("author", author),
            ("text", Value::from("Selamat pagi!\n\"Apa kabar?\"")),
            ("at", Value::from(1_763_850_000_000_i64 + i64::from(seq))),
        ])
    };
    Packet::new(
        "/",
        Body::event("history", vec![Value::Array((0..100).map(message).collect())]),
    )
}

/// Event with two attachments of 1 KiB.
fn binary_event() -> Packet {
    let picture = |byte| Value::Binary(vec![byte; 1024]);
    let args = vec![Value::object([("left", picture(1)), ("right", picture(2))])];
    Packet::new("/", Body::event("pictures", args))
}

fn packets() -> [(&'static str, Packet); 4] {
    [
        ("event 64 B", text_event(64)),
        ("event 16 KiB", text_event(16 << 10)),
        ("history", history()),
        ("event with 2 attachments of 1 KiB", binary_event()),
    ]
}

fn size(frames: &[Frame]) -> Throughput {
    Throughput::Bytes(frames.iter().map(|frame| frame.len() as u64).sum())
}

fn run(criterion: &mut Criterion, format: &str, parser: Parser) {
    for (name, packet) in packets() {
        let frames = parser.encode(&packet);
        let mut group = criterion.benchmark_group(format!("{format} {name}"));
        group.throughput(size(&frames));
        group.bench_function("encode", |bencher| {
            bencher.iter(|| parser.encode(black_box(&packet)));
        });
        group.bench_function("decode", |bencher| {
            let mut decoder = parser.decoder(Limits::default());
            bencher.iter_batched(
                || frames.clone(),
                |frames| {
                    let decoded = frames.into_iter().map(|frame| decoder.decode(frame)).last();
                    decoded.expect("a frame").expect("a packet")
                },
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

/// Text event with its Engine.IO packet type, encoded and decoded without a frame of its own.
fn borrowed(criterion: &mut Criterion) {
    for (name, packet) in [
        ("event 64 B", text_event(64)),
        ("event 16 KiB", text_event(16 << 10)),
    ] {
        let message = packet.encode_message().text;
        let mut group = criterion.benchmark_group(format!("engine message, {name}"));
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function("encode", |bencher| {
            let (mut text, mut attachments) = (String::new(), Vec::new());
            bencher.iter(|| {
                text.clear();
                text.push('4');
                black_box(&packet).encode_into(&mut text, &mut attachments);
                black_box(text.len())
            });
        });
        group.bench_function("decode", |bencher| {
            let mut decoder = Decoder::new(Limits::default());
            bencher.iter(|| {
                let text = black_box(&message).strip_prefix('4').expect("a message");
                decoder.decode_text(text)
            });
        });
        group.finish();
    }
}

fn codecs(criterion: &mut Criterion) {
    run(criterion, "default", Parser::Default);
    borrowed(criterion);
    #[cfg(feature = "msgpack")]
    run(criterion, "msgpack", Parser::Msgpack);
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(2));
    targets = codecs
}
criterion_main!(benches);
