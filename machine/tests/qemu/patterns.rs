//! The encodings that random instructions are drawn from.
//!
//! A pattern has 32 characters: `0` and `1` are fixed; `x` and `s` are random; `d` is a written general register or
//! XZR, `e` the same without number 31 (SP); `n` and `m` and `a` are read registers; capitals are vector registers;
//! `b` is the base of a memory access (X28 or SP), `w` a base that is written back (X28).

/// Everything but memory accesses and branches.
pub const COMPUTE: &[&str] = &[
    // ADR, ADRP
    "0xx10000xxxxxxxxxxxxxxxxxxxddddd",
    "1xx10000xxxxxxxxxxxxxxxxxxxddddd",
    // add and subtract immediate
    "sx0100010xxxxxxxxxxxxxnnnnneeeee",
    "sx1100010xxxxxxxxxxxxxnnnnnddddd",
    "sx1100010xxxxxxxxxxxxxnnnnn11111",
    "sx010001000000000xxxxxnnnnneeeee",
    "sx01000100000000000000nnnnneeeee",
    // move wide
    "0001001010xxxxxxxxxxxxxxxxxddddd",
    "0101001010xxxxxxxxxxxxxxxxxddddd",
    "0111001010xxxxxxxxxxxxxxxxxddddd",
    "100100101xxxxxxxxxxxxxxxxxxddddd",
    "110100101xxxxxxxxxxxxxxxxxxddddd",
    "111100101xxxxxxxxxxxxxxxxxxddddd",
    // bit fields, extract
    "00010011000xxxxx0xxxxxnnnnnddddd",
    "00110011000xxxxx0xxxxxnnnnnddddd",
    "01010011000xxxxx0xxxxxnnnnnddddd",
    "1001001101xxxxxxxxxxxxnnnnnddddd",
    "1011001101xxxxxxxxxxxxnnnnnddddd",
    "1101001101xxxxxxxxxxxxnnnnnddddd",
    "00010011100mmmmm0xxxxxnnnnnddddd",
    "10010011110mmmmmxxxxxxnnnnnddddd",
    // bitwise, shifted register
    "0xx01010xxxmmmmm0xxxxxnnnnnddddd",
    "1xx01010xxxmmmmmxxxxxxnnnnnddddd",
    "sxx01010000mmmmm000000nnnnnddddd",
    "sxx01010000mmmmm000000nnnnnddddd",
    "sxx01010001mmmmm000000nnnnnddddd",
    "s0101010000mmmmm00000011111ddddd",
    // add and subtract, shifted and extended register
    "0xx010110x0mmmmm0xxxxxnnnnnddddd",
    "0xx01011100mmmmm0xxxxxnnnnnddddd",
    "1xx010110x0mmmmmxxxxxxnnnnnddddd",
    "1xx01011100mmmmmxxxxxxnnnnnddddd",
    "1x001011000mmmmmxxxxxxnnnnnddddd",
    "sxx01011000mmmmm000000nnnnnddddd",
    "sxx01011000mmmmm000000nnnnnddddd",
    "sx001011001mmmmmxxx0xxnnnnneeeee",
    "sx001011001mmmmmxxx100nnnnneeeee",
    "sx101011001mmmmmxxx0xxnnnnnddddd",
    "sx101011001mmmmmxxx100nnnnnddddd",
    // with carry
    "sxx11010000mmmmm000000nnnnnddddd",
    // conditional compare and select
    "sx111010010mmmmmxxxx00nnnnn0xxxx",
    "sx111010010xxxxxxxxx10nnnnn0xxxx",
    "sx011010100mmmmmxxxx0xnnnnnddddd",
    "sx011010100mmmmmxxxx0xnnnnnddddd",
    // one and two sources
    "s10110101100000000000xnnnnnddddd",
    "s101101011000000000010nnnnnddddd",
    "1101101011000000000011nnnnnddddd",
    "s10110101100000000010xnnnnnddddd",
    "s0011010110mmmmm00001xnnnnnddddd",
    "s0011010110mmmmm0010xxnnnnnddddd",
    // multiplication
    "s0011011000mmmmmxaaaaannnnnddddd",
    "s0011011000mmmmm011111nnnnnddddd",
    "10011011x01mmmmmxaaaaannnnnddddd",
    "10011011x10mmmmm011111nnnnnddddd",
    // hints
    "11010101000000110010000000011111",
];

/// Scalar floating point and register moves.
pub const FLOAT: &[&str] = &[
    // two sources
    "000111100x1MMMMM0xxx10NNNNNDDDDD",
    "000111100x1MMMMM0xxx10NNNNNDDDDD",
    "000111100x1MMMMM100010NNNNNDDDDD",
    // one source
    "000111100x10000xx10000NNNNNDDDDD",
    "00011110001000101 10000NNNNNDDDDD",
    "00011110011000100 10000NNNNNDDDDD",
    "000111100x10010xx10000NNNNNDDDDD",
    "000111100x1001100 10000NNNNNDDDDD",
    "000111100x100111x 10000NNNNNDDDDD",
    // three sources
    "000111110xxMMMMMxAAAAANNNNNDDDDD",
    "0001111101 0MMMMM0AAAAANNNNNDDDDD",
    // compare, select
    "000111100x1MMMMM001000NNNNNx0000",
    "000111100x100000001000NNNNNx1000",
    "000111100x1MMMMMxxxx01NNNNNxxxxx",
    "000111100x1MMMMMxxxx11NNNNNDDDDD",
    // immediates
    "000111100x1xxxxxxxx10000000DDDDD",
    "0x10111100000xxx111001xxxxxDDDDD",
    // conversions and moves from and to general registers
    "s00111100x1xx00x000000NNNNNddddd",
    "s00111100x10010x000000NNNNNddddd",
    "s00111100x10001x000000nnnnnDDDDD",
    "1001111001111000000000NNNNNddddd",
    "0001111000100110000000NNNNNddddd",
    "0001111000100111000000nnnnnDDDDD",
    "1001111001100110000000NNNNNddddd",
    "1001111001100111000000nnnnnDDDDD",
];

/// Memory accesses. Offsets are small, so that they stay in the sequence's scratch area.
pub const MEMORY: &[&str] = &[
    // unsigned offset: all sizes of plain, of sign-extending, of vector accesses, Q
    "xx1110010x0000000xxxxxbbbbbddddd",
    "xx1110010x0000000xxxxxbbbbbddddd",
    "0x111001100000000xxxxxbbbbbddddd",
    "10111001100000000xxxxxbbbbbddddd",
    "0x111001110000000xxxxxbbbbbddddd",
    "xx1111010x0000000xxxxxbbbbbDDDDD",
    "001111011x0000000xxxxxbbbbbDDDDD",
    // unscaled
    "xx1110000x0xxxxxxxxx00bbbbbddddd",
    "0x1110001x0xxxxxxxxx00bbbbbddddd",
    "10111000100xxxxxxxxx00bbbbbddddd",
    "xx1111000x0xxxxxxxxx00bbbbbDDDDD",
    "001111001x0xxxxxxxxx00bbbbbDDDDD",
    // post- and pre-index
    "xx1110000x000000xxxxx1wwwwwddddd",
    "xx1110000x011111xxxxx1wwwwwddddd",
    "0x1110001x000000xxxxx1wwwwwddddd",
    "10111000100 11111xxxxx1wwwwwddddd",
    "xx1111000x000000xxxxx1wwwwwDDDDD",
    "001111001x011111xxxxx1wwwwwDDDDD",
    "xx1110000x000001 0000x111111ddddd",
    "xx1110000x011111 0000x111111ddddd",
    // register offset: X26 with LSL, W24 with UXTW, W25 with SXTW
    "xx1110000x111010011x10bbbbbddddd",
    "xx1110000x111000010x10bbbbbddddd",
    "xx1110000x111001110x10bbbbbddddd",
    "0x1110001x111010011x10bbbbbddddd",
    "10111000101 11001110x10bbbbbddddd",
    "xx1111000x111010011x10bbbbbDDDDD",
    "xx1111000x111001110x10bbbbbDDDDD",
    "001111001x111000010x10bbbbbDDDDD",
    // pairs: no-allocate and offset, post, pre
    "s01010000x000xxxxdddddbbbbbddddd",
    "s01010010x000xxxxdddddbbbbbddddd",
    "s01010010x111xxxxdddddbbbbbddddd",
    "0110100101111xxxxdddddbbbbbddddd",
    "s0101000 1x00000xxdddddwwwwwddddd",
    "s0101001 1x11111xxdddddwwwwwddddd",
    "0110100011000000 xdddddwwwwwddddd",
    "10101001 1x1111110ddddd11111ddddd",
    "00101000 1x0000100ddddd11111ddddd",
    "0x1011010x000xxxxDDDDDbbbbbDDDDD",
    "101011010x000xxxxDDDDDbbbbbDDDDD",
    "101011010x111xxxxDDDDDbbbbbDDDDD",
    "0x10110x1x00000xxDDDDDwwwwwDDDDD",
    "1010110x1x11111xxDDDDDwwwwwDDDDD",
    // prefetch
    "1111100110000000000xxxbbbbbxxxxx",
];
