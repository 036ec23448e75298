-- One report of one process, as a whole: books sales, adds what was used, frees the leases of the dead, lends.
-- Amounts go to HINCRBY as they came, so sums are exact to 64 bits; leases are reckoned in doubles, exact to 2^53.
-- KEYS: owners, reported, then a counter for each line, then for each sale its day's book and four counters of money.
-- ARGV: owner, number, dead after (s), number kept for (s), lines, then for each line: limit or '', used, held, wanted,
--       kept for (s); then for each sale: three fields of the book, requests, tokens, nano-USD, kept for (s).
local owners, reported, owner = KEYS[1], KEYS[2], ARGV[1]
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', owners, '-inf', '(' .. (now - tonumber(ARGV[3])))
redis.call('ZADD', owners, now, owner)
local processes = redis.call('ZCARD', owners)
local fresh = tonumber(ARGV[2]) > tonumber(redis.call('GET', reported) or '0')
redis.call('SET', reported, ARGV[2], 'EX', ARGV[4])

local lines = tonumber(ARGV[5])
local key, arg = 3 + lines, 6 + 5 * lines
while fresh and key <= #KEYS do
    for i = 0, 2 do
        redis.call('HINCRBY', KEYS[key], ARGV[arg + i], ARGV[arg + 3 + i])
    end
    redis.call('EXPIRE', KEYS[key], ARGV[arg + 6])
    for i = 1, 4 do
        redis.call('HINCRBY', KEYS[key + i], 'settled', ARGV[arg + 5])
        redis.call('EXPIRE', KEYS[key + i], ARGV[arg + 6])
    end
    key, arg = key + 5, arg + 7
end

local function standing(counter)
    local settled, others = '0', 0
    local fields = redis.call('HGETALL', counter)
    for i = 1, #fields, 2 do
        local name, value = fields[i], fields[i + 1]
        if name == 'settled' then
            settled = value
        elseif name ~= owner then
            if redis.call('ZSCORE', owners, name) then
                others = others + tonumber(value)
            else
                redis.call('HDEL', counter, name)
            end
        end
    end
    return settled, others
end

local function lent(room, held, wanted)
    held = math.min(held, room)
    if wanted <= 0 then return held end
    local left = room - held
    return held + math.min(left, math.max(wanted, math.floor(left / (processes + 1))))
end

local answer = {tostring(processes)}
for line = 1, lines do
    local counter, at = KEYS[2 + line], 6 + 5 * (line - 1)
    if fresh and ARGV[at + 1] ~= '0' then
        redis.call('HINCRBY', counter, 'settled', ARGV[at + 1])
    end
    local settled, others = standing(counter)
    local leased, left = 0, 0
    if ARGV[at] ~= '' then
        local room = math.max(0, tonumber(ARGV[at]) - tonumber(settled) - others)
        leased = lent(room, tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
        left = room - leased
    end
    if leased > 0 then
        redis.call('HSET', counter, owner, string.format('%.0f', leased))
    else
        redis.call('HDEL', counter, owner)
    end
    redis.call('EXPIRE', counter, ARGV[at + 4])
    answer[#answer + 1] = settled
    answer[#answer + 1] = string.format('%.0f', leased)
    answer[#answer + 1] = string.format('%.0f', left)
end
return answer
