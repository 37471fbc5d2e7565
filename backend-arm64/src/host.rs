//! What compiled code asks of the host.

/// Number of a host call, in X17.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u64)]
pub enum HostCall {
    /// Run the function whose frame is complete: X0 = its `R[0]`, X1 = number of arguments, X2 = frames that may still be
    /// pushed. Answers X0 = number of results, X1 = address of the first.
    CallFrame = 1,
    /// Go on in the interpreter: X0 = unit id << 32 | exit index, X1 = the frame's `R[0]`, X2 = frames that may still be
    /// pushed; for an exit behind a call also X3 = number of its results, X4 = address of the first. Answers as
    /// `CallFrame`.
    Exit = 2,
    /// Execute one bytecode instruction: X0 = prototype << 32 | pc, X1 = the frame's `R[0]`, X2 = frames that may still
    /// be pushed.
    Step = 3,
    /// Decide a comparison; arguments as for `Step`. Answers X0 = 0 or 1.
    Compare = 4,
    /// Close the upvalues of a frame that is about to return: X1 = the frame's `R[0]`.
    Close = 5,
    /// Put an integer that does not fit a NaN-boxed word into a box: it lies at SP + 8 (its caller's return address at SP),
    /// X26 = the frame's `R[0]`. Answers the word in X16, and preserves all registers but X17 and X30.
    BoxInt = 6,
}

/// There is no host call with this number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no host call has the number {0}")]
pub struct UnknownHostCall(pub u64);

impl TryFrom<u64> for HostCall {
    type Error = UnknownHostCall;

    fn try_from(number: u64) -> Result<HostCall, UnknownHostCall> {
        Ok(match number {
            1 => HostCall::CallFrame,
            2 => HostCall::Exit,
            3 => HostCall::Step,
            4 => HostCall::Compare,
            5 => HostCall::Close,
            6 => HostCall::BoxInt,
            n => return Err(UnknownHostCall(n)),
        })
    }
}
