//! The scripts that Redis runs: one step each, so that nothing comes between a look and a write.
//!
//! A field holds `b1:`, the version, `:` and the value. One that does not start like that was written by somebody else.

use redis::Script;

/// The bytes before the value.
pub(super) const HEADER: usize = 36;

/// The scripts, made once: each knows its digest.
pub(super) struct Scripts {
    /// Keys: hash. Arguments: field, largest field. Gives nothing, the field, or its size if it is larger.
    pub(super) get: Script,
    /// Keys: hash, set of hashes. Arguments: field, largest field, header with value, mode, expected version, channel
    /// (empty: tell nobody). Gives 1 if it was written.
    pub(super) put: Script,
    /// Keys: hash. Arguments: field, largest field, field to set aside to, channel.
    pub(super) delete: Script,
}

// `HSTRLEN` comes first everywhere: on a key of another type it fails before anything is written.
const GET: &str = "
local size = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if size > tonumber(ARGV[2]) then return size end
return redis.call('HGET', KEYS[1], ARGV[1])";

// A hint that cannot be told (a user may lack the channel) must not make a write that landed look like a failure.
const PUT: &str = "
local size = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if ARGV[4] == 'create' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
if ARGV[4] == 'update' then
  if size > tonumber(ARGV[2]) then return 0 end
  local held = redis.call('HGET', KEYS[1], ARGV[1])
  if not held then return 0 end
  local ours = string.sub(held, 1, 36) == 'b1:' .. ARGV[5] .. ':'
  if not ours and 'raw-' .. redis.sha1hex(held) ~= ARGV[5] then return 0 end
end
redis.call('SADD', KEYS[2], KEYS[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[6] ~= '' then redis.pcall('PUBLISH', ARGV[6], ARGV[1]) end
return 1";

const DELETE: &str = "
local size = redis.call('HSTRLEN', KEYS[1], ARGV[1])
local large = size > tonumber(ARGV[2])
if large then redis.call('HSET', KEYS[1], ARGV[3], redis.call('HGET', KEYS[1], ARGV[1])) end
local gone = redis.call('HDEL', KEYS[1], ARGV[1])
if gone == 1 and ARGV[4] ~= '' then redis.pcall('PUBLISH', ARGV[4], ARGV[1]) end
return gone";

// === impl Scripts ===

impl Scripts {
    pub(super) fn new() -> Self {
        Self { get: Script::new(GET), put: Script::new(PUT), delete: Script::new(DELETE) }
    }
}

/// A field for `value`.
pub(super) fn field(version: &str, value: &[u8]) -> Vec<u8> {
    let mut field = Vec::with_capacity(HEADER + value.len());
    field.extend_from_slice(b"b1:");
    field.extend_from_slice(version.as_bytes());
    field.push(b':');
    field.extend_from_slice(value);
    field
}

/// The version in a field's header; `None` if somebody else wrote it.
pub(super) fn version(field: &[u8]) -> Option<&str> {
    let header = field.get(..HEADER)?;
    let version = header.strip_prefix(b"b1:")?.strip_suffix(b":")?;
    let is_hex = version.iter().all(|byte| byte.is_ascii_hexdigit());
    std::str::from_utf8(version).ok().filter(|_| is_hex)
}

/// The version of a field that somebody else wrote; the script computes the same one.
pub(super) fn version_of_raw(field: &[u8]) -> String {
    format!("raw-{}", sha1_smol::Sha1::from(field).digest())
}
