// Networks of zsc/nets: dense layers, with a gated recurrent unit or without. Weights and what goes from
// layer to layer are float32; a layer adds up in float64, in one fixed order.
export const decode = text => new Float32Array(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);

const ACTIVATIONS = { relu: x => Math.max(x, 0), tanh: Math.tanh };
const sigmoid = x => 1 / (1 + Math.exp(-x));

// network: {scale, activation, hidden, layers: [[name, ins, outs, has a bias], ...]}; weights: those of
// all layers in that order, a kernel [ins, outs] and then its bias.
export class Agent {
  constructor(network, weights) {
    this.network = network; this.layers = {}; this.torso = [];
    let at = 0;
    const next = size => weights.subarray(at, at += size);
    for (const [name, ins, outs, bias] of network.layers) {
      const layer = this.layers[name] = { outs, kernel: next(ins * outs), bias: bias ? next(outs) : new Float32Array(outs) };
      if (name.startsWith("torso")) this.torso.push(layer);
    }
    if (at !== weights.length) throw new Error(`${weights.length} weights, ${at} were expected`);
    this.reset();
  }

  // Begin an episode.
  reset() { this.memory = new Float32Array(this.network.hidden); }

  // What the network says of an observation, a Float32Array [actions]; its memory moves on.
  logits(obs) {
    const { scale, activation, hidden } = this.network;
    let x = Float32Array.from(obs, (value, i) => value * Math.fround(1 / (scale[i % scale.length] || 1)));
    for (const layer of this.torso) x = dense(layer, x).map(ACTIVATIONS[activation]);
    if (hidden) x = this.memory = this.remember(x);
    return dense(this.layers.actor, x);
  }

  remember(x) {
    const { ir, iz, in: inner, hr, hz, hn } = this.layers, h = this.memory;
    const [xr, xz, xn, mr, mz, mn] = [dense(ir, x), dense(iz, x), dense(inner, x), dense(hr, h), dense(hz, h), dense(hn, h)];
    return h.map((before, i) => {
      const z = sigmoid(xz[i] + mz[i]);
      return (1 - z) * Math.tanh(xn[i] + sigmoid(xr[i] + mr[i]) * mn[i]) + z * before;
    });
  }
}

function dense({ outs, kernel, bias }, x) {
  const sums = Float64Array.from(bias);
  x.forEach((value, i) => {
    if (value !== 0) for (let out = 0, at = i * outs; out < outs; out++, at++) sums[out] += value * kernel[at];
  });
  return Float32Array.from(sums);
}

// The likeliest actions: more than one where log-probabilities are the same float32.
export function best(logits) {
  const most = Math.max(...logits), apart = [...logits].map(x => Math.fround(x - most));
  const total = Math.fround(Math.log(apart.reduce((sum, x) => sum + Math.exp(x), 0)));
  const logs = apart.map(x => Math.fround(x - total)), top = Math.max(...logs);
  return logs.flatMap((x, action) => x === top ? [action] : []);
}

// An action by chance: among the likeliest, or as likely as the network says.
export function choose(logits, greedy) {
  if (greedy) { const among = best(logits); return among[Math.floor(Math.random() * among.length)]; }
  const most = Math.max(...logits), weights = [...logits].map(x => Math.exp(x - most));
  let at = Math.random() * weights.reduce((sum, x) => sum + x, 0);
  return Math.max(0, weights.findIndex(x => (at -= x) < 0));
}
