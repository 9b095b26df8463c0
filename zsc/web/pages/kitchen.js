// Overcooked of two cooks by the rules of 2019, as zsc/envs/overcooked/{dynamics,observation}.py have
// it, in whole numbers. tests/web/page_oracle.py holds this file against those.
export const STAY = 4, INTERACT = 5;
const NORTH = 0, SOUTH = 1, EAST = 2, WEST = 3;
const NOTHING = 0, ONION = 1, DISH = 2, SOUP = 3;
const COUNTER = 0, ONIONS = 1, DISHES = 2, POT = 3, SERVING = 4, FLOOR = 5, TOMATOES = 6;
const POT_SIZE = 3, IDLE = -1, DELIVERY = 20, URGENT = 40;

// The first state of a game: cooks at their start cells, facing north, in an empty kitchen.
export function begin(kitchen, starts) {
  const full = (size, value) => Array(size).fill(value);
  return {
    cell: [...starts], direction: full(2, NORTH), held: full(2, NOTHING),
    counter: full(kitchen.counters.length, NOTHING),
    pot_n: full(kitchen.pots.length, 0), pot_tick: full(kitchen.pots.length, IDLE), time: 0,
  };
}

const offset = (width, way) => [-width, width, 1, -1, 0, 0][way];

// One step of both cooks. Returns [the state after it, what was paid to whom]; the state given is left
// as it is. A game that is over stands still and pays nothing.
export function step(kitchen, state, action) {
  if (state.time >= kitchen.horizon) return [state, [0, 0]];
  const live = structuredClone(state);
  // who faces what is from before the step; what is there is live, cook 0 first
  const paid = [0, 1].map(seat => {
    const faced = state.cell[seat] + offset(kitchen.width, state.direction[seat]);
    return action[seat] === INTERACT ? interact(kitchen, live, seat, faced) : 0;
  });
  move(kitchen, live, action);
  live.pot_tick = live.pot_tick.map((tick, pot) => {
    const now = live.pot_n[pot] >= POT_SIZE && tick < 0 ? 0 : tick;
    return now >= 0 && now < kitchen.cook_time ? now + 1 : now;
  });
  live.time += 1;
  return [live, paid];
}

function interact(kitchen, live, seat, faced) {
  const held = live.held[seat], kind = kitchen.kinds[faced];
  if (kind === COUNTER) {
    const place = kitchen.counters.indexOf(faced), lies = live.counter[place];
    if ((held === NOTHING) !== (lies === NOTHING)) { live.held[seat] = lies; live.counter[place] = held; }
  } else if (kind === ONIONS && held === NOTHING) live.held[seat] = ONION;
  else if (kind === DISHES && held === NOTHING) live.held[seat] = DISH;
  else if (kind === POT) {
    const pot = kitchen.pots.indexOf(faced);
    if (held === ONION && live.pot_n[pot] < POT_SIZE && live.pot_tick[pot] < 0) { live.pot_n[pot] += 1; live.held[seat] = NOTHING; }
    else if (held === DISH && live.pot_tick[pot] >= kitchen.cook_time) { live.pot_n[pot] = 0; live.pot_tick[pot] = IDLE; live.held[seat] = SOUP; }
  } else if (kind === SERVING && held === SOUP) { live.held[seat] = NOTHING; return DELIVERY; }
  return 0;
}

// Both go back if they end on one cell or change places.
function move(kitchen, live, action) {
  const [a, b] = live.cell;
  const wanted = live.cell.map((cell, seat) => {
    const target = cell + offset(kitchen.width, action[seat]);
    return kitchen.kinds[target] === FLOOR ? target : cell;
  });
  const clash = wanted[0] === wanted[1] || (wanted[0] === b && wanted[1] === a);
  if (!clash) live.cell = wanted;
  live.direction = live.direction.map((way, seat) => action[seat] < 4 ? action[seat] : way);
}

// What a cook sees, own things first: a Uint8Array of the encoding "compact", or of "grid" row by row.
export const observe = (kitchen, encoding, state, seat) =>
  Uint8Array.from((encoding === "grid" ? grid : compact)(kitchen, state, [seat, 1 - seat]));

const urgent = (kitchen, state) => kitchen.horizon - state.time < URGENT;
const left = (kitchen, tick) => tick >= 0 ? Math.max(kitchen.cook_time - tick, 0) : 0;

function compact(kitchen, state, seats) {
  const thing = item => [item === ONION, item === DISH, item === SOUP];
  const cook = seat => [
    ...kitchen.floor.map(cell => state.cell[seat] === cell),
    ...[NORTH, SOUTH, EAST, WEST].map(way => state.direction[seat] === way), ...thing(state.held[seat]),
  ];
  const pot = (n, i) => [n >= 1, n >= 2, n >= 3, state.pot_tick[i] >= 0, state.pot_tick[i] >= kitchen.cook_time];
  return [
    ...seats.flatMap(cook), ...state.counter.slice(0, kitchen.reachable).flatMap(thing),
    ...state.pot_n.flatMap(pot), ...state.pot_tick.map(tick => left(kitchen, tick)), urgent(kitchen, state),
  ];
}

// The 26 channels: own position, partner's, own direction, partner's, six kinds of tiles, onions and
// tomatoes in pots, in soups, ticks left, soup done, dishes, onions, tomatoes, urgency.
function grid(kitchen, state, seats) {
  const rows = kitchen.kinds.map(() => new Array(26).fill(0));
  const tile = { [POT]: 10, [COUNTER]: 11, [ONIONS]: 12, [TOMATOES]: 13, [DISHES]: 14, [SERVING]: 15 };
  kitchen.kinds.forEach((kind, cell) => { if (kind in tile) rows[cell][tile[kind]] = 1; });
  const put = (row, item) => {
    if (item === ONION) row[23] = 1;
    if (item === DISH) row[22] = 1;
    if (item === SOUP) { row[18] = POT_SIZE; row[21] = 1; }
  };
  kitchen.counters.forEach((cell, place) => put(rows[cell], state.counter[place]));
  kitchen.pots.forEach((cell, pot) => {
    const tick = state.pot_tick[pot], row = rows[cell];
    if (tick < 0) { row[16] = state.pot_n[pot]; return; }
    row[18] = state.pot_n[pot]; row[20] = left(kitchen, tick); row[21] = tick >= kitchen.cook_time;
  });
  seats.forEach((seat, rank) => {
    const row = rows[state.cell[seat]];
    row[rank] = 1; row[2 + 4 * rank + state.direction[seat]] = 1;
    put(row, state.held[seat]);
  });
  if (urgent(kitchen, state)) for (const row of rows) row[25] = 1;
  return rows.flat();
}

// A state as view-overcooked.js draws it.
export function shown(kitchen, state) {
  const thing = item => item === SOUP ? [SOUP, POT_SIZE, 0] : [item];
  return {
    cooks: state.cell.map((cell, seat) => [
      cell % kitchen.width, Math.floor(cell / kitchen.width), state.direction[seat], thing(state.held[seat])]),
    counter: kitchen.counters.map((cell, place) => [cell, thing(state.counter[place])])
      .filter((_, place) => state.counter[place] !== NOTHING),
    pots: state.pot_n.map((n, pot) => [n, 0, state.pot_tick[pot], kitchen.cook_time]),
  };
}
