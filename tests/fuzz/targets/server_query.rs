#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pesan_server::engineio::fuzzing::query(data));
