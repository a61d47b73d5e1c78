/** events.js - typed use of EventTarget: `emit` sends a CustomEvent, `listen` hands on its detail. */

/**
 * @param {EventTarget} target
 * @param {string} type
 * @param {unknown} [detail]
 */
export function emit(target, type, detail) {
  target.dispatchEvent(new CustomEvent(type, { detail }));
}

/**
 * @template T
 * @param {EventTarget} target
 * @param {string} type
 * @param {(detail: T) => void} handler
 * @param {AbortSignal} [lifetime] ends the subscription
 */
export function listen(target, type, handler, lifetime) {
  target.addEventListener(
    type,
    (event) => handler(/** @type {CustomEvent<T>} */ (event).detail),
    lifetime ? { signal: lifetime } : undefined,
  );
}

/**
 * Marks a switch over a union as complete: a forgotten kind is a type error.
 * @param {never} value
 */
export function assertNever(value) {
  console.warn('unexpected value', value);
}
