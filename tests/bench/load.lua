-- What wrk sends: a POST for another account each time. All is in the environment:
--   BENCH_PATH, BENCH_TOKEN   where to, and as whom
--   BENCH_BODY                of each request; USER in it becomes the name of an account: a number
--   BENCH_ACCOUNTS            how many there are
--   BENCH_WALK                empty: by chance; else one after the other from the next one on
--   BENCH_DELAY               milliseconds that a connection rests between two requests, on average
-- At the end a line of JSON says how it went.

local accounts = tonumber(os.getenv("BENCH_ACCOUNTS"))
local walk = tonumber(os.getenv("BENCH_WALK"))
local rest = tonumber(os.getenv("BENCH_DELAY"))
local before, after = os.getenv("BENCH_BODY"):match("^(.*)USER(.*)$")
local head = "POST " .. os.getenv("BENCH_PATH") .. " HTTP/1.1\r\nHost: localhost\r\n"
    .. "Authorization: Bearer " .. os.getenv("BENCH_TOKEN")
    .. "\r\nContent-Type: application/json\r\nContent-Length: "
local last, threads = walk or 0, 0

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

function init(args)
   math.randomseed(os.time() + 7919 * number)
end

function request()
   last = walk and last % accounts + 1 or math.random(accounts)
   local body = before .. last .. after
   return head .. #body .. "\r\n\r\n" .. body
end

-- wrk asks for a delay where there is such a function. Whole milliseconds; callers who know nothing
-- of each other come at exponential distances.
if rest > 0 then
   function delay()
      return math.floor(-rest * math.log(1 - math.random()) + math.random())
   end
end

function done(summary, latency, requests)
   local e = summary.errors
   io.write(string.format(
      '{"requests": %d, "micros": %d, "bytes": %d, "p50": %d, "p99": %d, "connect": %d, '
      .. '"read": %d, "write": %d, "status": %d, "timeout": %d}\n',
      summary.requests, summary.duration, summary.bytes, latency:percentile(50),
      latency:percentile(99), e.connect, e.read, e.write, e.status, e.timeout))
end
