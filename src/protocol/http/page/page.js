// SPDX-License-Identifier: MIT
"use strict";

// Asks for /stats.json once a second and shows what has changed. Nothing is kept but two minutes of points.

const PERIOD_MS = 1000;
const POINTS = 120;

const points = { requests: [], hits: [], evictions: [], traffic: [] };
const SHARES = [["p50", 0.5], ["p99", 0.99], ["p99.9", 0.999]];
const latencies = SHARES.map(() => []);
let before = null; // the figures of the last answer, and when it came
let paused = false;

const element = (id) => document.getElementById(id);
const put = (id, text) => { element(id).textContent = text; };
const sum = (byWorker) => Object.values(byWorker || {}).reduce((total, value) => total + value, 0);

function short(number) {
    const units = [[1e9, "G"], [1e6, "M"], [1e4, "k"]];
    const unit = units.find(([size]) => number >= size);
    if (!unit) {
        return number < 10 && number % 1 > 0 ? number.toFixed(1) : Math.round(number).toString();
    }
    const size = unit[1] === "k" ? 1e3 : unit[0];
    return (number / size).toPrecision(3) + " " + unit[1];
}

function bytes(number) {
    const names = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (number >= 1024 && at < names.length - 1) {
        number /= 1024;
        at++;
    }
    return (at === 0 ? Math.round(number) : number.toPrecision(3)) + " " + names[at];
}

function duration(seconds) {
    const days = Math.floor(seconds / 86400);
    const hours = Math.floor(seconds / 3600) % 24;
    const minutes = Math.floor(seconds / 60) % 60;
    return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${Math.floor(seconds % 60)} s`;
}

// What the page needs of an answer, as plain numbers.
function figures(stats) {
    const commands = stats.memcached_commands_total;
    return {
        stats,
        requests: sum(stats.riposte_engine_requests_total),
        hits: commands["get,hit"] + stats.riposte_http_cache_hits_total,
        misses: commands["get,miss"] + stats.riposte_http_cache_misses_total,
        evictions: stats.memcached_items_evicted_total,
        sent: stats.memcached_written_bytes_total,
        received: stats.memcached_read_bytes_total,
        rejected: stats.memcached_connections_rejected_total,
        noMemory: stats.riposte_store_no_memory_total,
    };
}

function svg(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) {
        made.setAttribute(key, value);
    }
    return made;
}

// A line over the last POINTS points, newest at the right. `top`: what the upper edge means; 0: the highest point.
function draw(id, values, top) {
    const chart = element(id);
    const highest = top || Math.max(1e-9, ...values.filter((value) => value !== null));
    const at = (value, index) => `${((POINTS - values.length + index) * 300 / (POINTS - 1)).toFixed(1)},${(58 - 56 * value / highest).toFixed(1)}`;
    const line = values.map((value, index) => (value === null ? null : at(value, index))).filter(Boolean);
    chart.replaceChildren();
    if (line.length > 1) {
        const first = line[0].split(",")[0];
        const last = line[line.length - 1].split(",")[0];
        chart.append(svg("polygon", { points: `${first},60 ${line.join(" ")} ${last},60` }),
                     svg("polyline", { points: line.join(" ") }));
    }
}

function push(list, value) {
    list.push(value);
    if (list.length > POINTS) {
        list.shift();
    }
}

const keep = (name, value) => push(points[name], value);

function time(us) {
    const units = [[1e6, "s"], [1e3, "ms"]];
    const unit = units.find(([size]) => us >= size);
    return unit ? `${(us / unit[0]).toPrecision(3)} ${unit[1]}` : `${us.toPrecision(us < 10 ? 2 : 3)} \u00b5s`;
}

// What a command's histogram has got since: pairs of a slot's end and a count, the shortest first.
function slotsSince(now, old) {
    const before = new Map(old ? old.slots : []);
    return now.slots.map(([end, count]) => [end, count - (before.get(end) || 0)]).filter(([, count]) => count > 0);
}

const countOf = (slots) => slots.reduce((total, [, count]) => total + count, 0);

function percentile(slots, share) {
    const wanted = Math.max(1, Math.ceil(countOf(slots) * share));
    let seen = 0;
    for (const [end, count] of slots) {
        seen += count;
        if (seen >= wanted) {
            return end;
        }
    }
    return null;
}

// Three lines over the last POINTS points, on a scale of powers of two.
function drawLatencies() {
    const known = latencies.flat().filter((value) => value !== null);
    const chart = element("latency-chart");
    chart.replaceChildren();
    if (known.length === 0) {
        return;
    }
    const low = Math.floor(Math.log2(Math.min(...known)));
    const high = Math.max(low + 2, Math.ceil(Math.log2(Math.max(...known))));
    chart.append(...latencies.map((values, line) => svg("polyline", {
        class: `line-${line}`,
        points: values.map((value, index) => (value === null ? null :
            `${((POINTS - values.length + index) * 300 / (POINTS - 1)).toFixed(1)},${(58 - 56 * (Math.log2(value) - low) / (high - low)).toFixed(1)}`)).filter(Boolean).join(" "),
    })));
    put("latency-note", `the last two minutes, from ${time(2 ** low)} to ${time(2 ** high)} on a logarithmic scale`);
}

// Of all commands but those that only ask for figures; by command for the last second.
function showLatency(stats, old, seconds) {
    element("latency-card").hidden = !stats.latency;
    if (!stats.latency) {
        return;
    }
    const commands = Object.keys(stats.latency).filter((name) => !name.endsWith("other"))
        .map((name) => [name, slotsSince(stats.latency[name], (old.latency || {})[name])]).filter(([, slots]) => slots.length > 0);
    const all = commands.flatMap(([, slots]) => slots).sort((left, right) => left[0] - right[0]);
    element("latency").replaceChildren(...SHARES.map(([name, share], line) => {
        const value = percentile(all, share);
        const item = document.createElement("li");
        const mark = document.createElement("span");
        push(latencies[line], value);
        mark.className = `part-${line}`;
        item.append(mark, `${name} ${value === null ? "-" : time(value)}`);
        return item;
    }));
    drawLatencies();
    commands.sort((left, right) => countOf(right[1]) - countOf(left[1]));
    element("commands").replaceChildren(...commands.map(([name, slots]) => tableRow([
        name.replace("_", " "), short(countOf(slots) / seconds), ...SHARES.map(([, share]) => time(percentile(slots, share))),
    ])));
}

function showMemory(stats) {
    const parts = [
        ["items", stats.memcached_current_bytes],
        ["index", stats.riposte_store_index_bytes],
        ["waiting to be freed", Math.max(0, stats.riposte_store_memory_bytes - stats.memcached_current_bytes - stats.riposte_store_index_bytes)],
        ["buffers", stats.riposte_engine_fixed_memory_bytes],
    ];
    const limit = stats.memcached_limit_bytes + stats.riposte_engine_fixed_memory_bytes;
    const used = parts.reduce((total, part) => total + part[1], 0);
    put("memory", `${bytes(used)} of ${bytes(limit)}`);
    let at = 0;
    element("memory-bar").replaceChildren(...parts.map(([, size], index) => {
        const width = 1000 * size / limit;
        const part = svg("rect", { x: at.toFixed(1), y: 0, width: width.toFixed(1), height: 24, class: `part-${index}` });
        at += width;
        return part;
    }));
    element("memory-legend").replaceChildren(...[...parts, ["free", Math.max(0, limit - used)]].map(([name, size], index) => {
        const item = document.createElement("li");
        const mark = document.createElement("span");
        mark.className = `part-${index}`;
        item.append(mark, `${name} ${bytes(size)}`);
        return item;
    }));
}

function tableRow(texts) {
    const row = document.createElement("tr");
    row.append(...texts.map((text) => {
        const cell = document.createElement("td");
        cell.textContent = text;
        return cell;
    }));
    return row;
}

function showWorkers(stats, old, seconds) {
    const rate = (name, worker) => (stats[name][worker] - (old[name][worker] || 0)) / seconds;
    element("workers").replaceChildren(...Object.keys(stats.riposte_engine_requests_total).map((worker) => tableRow([
        worker, short(rate("riposte_engine_requests_total", worker)), short(stats.riposte_engine_connections_current[worker]),
        short(rate("riposte_engine_turns_total", worker)), short(rate("riposte_engine_sleeps_total", worker)),
    ])));
}

// Estimated over the last five to ten minutes; not there where keys may not be listed (-X).
function showKeys(keys) {
    element("keys-card").hidden = !keys || keys.length === 0;
    element("keys").replaceChildren(...(keys || []).slice(0, 10).map((key) => tableRow([
        key.key, short(key.gets_per_s), short(key.sets_per_s), bytes(key.size),
    ])));
}

// One word on whether the cache is well, and why it may not be.
function judge(now, old, hitRatio) {
    if (now.noMemory > old.noMemory) {
        return ["bad", "values are refused: no memory"];
    }
    if (now.rejected > old.rejected) {
        return ["bad", "connections are turned away"];
    }
    if (now.evictions > old.evictions && hitRatio !== null && hitRatio < 0.5) {
        return ["look", "evicting, and most look-ups miss"];
    }
    return ["good", "well"];
}

function show(now, old, seconds) {
    const hits = now.hits - old.hits;
    const asked = hits + now.misses - old.misses;
    const hitRatio = asked > 0 ? hits / asked : null;
    keep("requests", (now.requests - old.requests) / seconds);
    keep("hits", hitRatio);
    keep("evictions", (now.evictions - old.evictions) / seconds);
    keep("traffic", (now.sent - old.sent) / seconds);
    put("requests", short(points.requests.at(-1)));
    put("hits", hitRatio === null ? "-" : `${(100 * hitRatio).toFixed(1)} %`);
    put("hits-note", asked > 0 ? `${short(asked / seconds)} look-ups/s` : "nobody asks");
    put("evictions", short(points.evictions.at(-1)));
    put("evictions-note", `${short(now.stats.memcached_current_items)} items`);
    put("traffic", bytes(points.traffic.at(-1)));
    put("traffic-note", `${bytes((now.received - old.received) / seconds)} received, ${short(now.stats.memcached_current_connections)} connections`);
    for (const name of Object.keys(points)) {
        draw(`${name}-chart`, points[name], name === "hits" ? 1 : 0);
    }
    const [state, text] = judge(now, old, hitRatio);
    element("state").dataset.state = state;
    put("state", text);
    const version = Object.keys(now.stats.riposte_info)[0];
    put("about", `version ${version}, up ${duration(now.stats.memcached_uptime_seconds)}`);
    showLatency(now.stats, old.stats, seconds);
    showMemory(now.stats);
    showWorkers(now.stats, old.stats, seconds);
    showKeys(now.stats.hot_keys);
}

function fail(text) {
    element("state").dataset.state = "bad";
    put("state", text);
}

async function ask() {
    const token = sessionStorage.getItem("token");
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch("/stats.json", { headers, cache: "no-store", signal: AbortSignal.timeout(5000) });
    element("token-form").hidden = answer.status !== 401;
    if (!answer.ok) {
        throw new Error(answer.status === 401 ? "a token is needed" : `answers ${answer.status}`);
    }
    return figures(await answer.json());
}

async function tick() {
    if (!paused && !document.hidden) {
        try {
            const now = await ask();
            const at = performance.now();
            if (before !== null) {
                show(now, before.figures, (at - before.at) / 1000);
            }
            before = { figures: now, at };
        } catch (error) {
            before = null;
            fail(error.name === "TypeError" || error.name === "TimeoutError" ? "does not answer" : error.message);
        }
    }
    setTimeout(tick, PERIOD_MS);
}

element("pause").addEventListener("click", () => {
    paused = !paused;
    before = null;
    element("pause").setAttribute("aria-pressed", String(paused));
    put("pause", paused ? "Go on" : "Pause");
});

element("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem("token", element("token").value);
    element("token").value = "";
});

tick();
