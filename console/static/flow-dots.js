// Dots that move along the lines of the drawing when events do. Few: they show that something moves, counts say how much.

const MOST_DOTS = 30;
const MOST_AT_ONCE = 4;
const TRAVEL_MS = 1100;
const SVG = "http://www.w3.org/2000/svg";

const still = matchMedia("(prefers-reduced-motion: reduce)");
const dots = new Set();
let frame = null;

/** Whether people want nothing to move. */
export const movesNothing = () => still.matches;

/** Sends dots along each line, the more the more events there are; none where people want nothing to move. */
export function drawDots(edges) {
  if (movesNothing() || document.hidden) return;
  const now = performance.now();
  for (const [name, told] of Object.entries(edges)) {
    const paths = document.querySelectorAll(`.edge[data-edge="${name}"] .line`);
    const wanted = Math.min(MOST_AT_ONCE, Math.ceil(told.rate));
    for (let index = 0; index < wanted && dots.size < MOST_DOTS; index += 1) {
      const path = paths[index % paths.length];
      const circle = document.createElementNS(SVG, "circle");
      circle.setAttribute("r", "5");
      circle.setAttribute("class", "dot");
      document.getElementById("dots").append(circle);
      dots.add({ circle, path, length: path.getTotalLength(), starts: now + (index * 1000) / wanted });
    }
  }
  if (dots.size && frame === null) frame = requestAnimationFrame(move);
}

function move(now) {
  for (const dot of dots) {
    const share = (now - dot.starts) / TRAVEL_MS;
    if (share >= 1) {
      dot.circle.remove();
      dots.delete(dot);
      continue;
    }
    const at = dot.path.getPointAtLength(Math.max(0, share) * dot.length);
    dot.circle.setAttribute("cx", at.x);
    dot.circle.setAttribute("cy", at.y);
    dot.circle.setAttribute("opacity", share < 0 ? "0" : "1");
  }
  frame = dots.size ? requestAnimationFrame(move) : null;
}
