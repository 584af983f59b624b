/** Connects to Redis: TLS, login, time limits. Knows nothing of Dramatiq. */
@NullMarked
package so.suna.queuemetrics.redis;

import org.jspecify.annotations.NullMarked;
