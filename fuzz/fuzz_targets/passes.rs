//! The fuzzer's bytes decide on a program, its arguments and a pass set; see `gsx_engine::fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Err(wrong) = gsx_engine::fuzzing::check_bytes(bytes) {
        panic!("{wrong}");
    }
});
