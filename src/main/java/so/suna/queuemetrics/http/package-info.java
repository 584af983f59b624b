/** Events, answers, routes, token, JSON. Knows no Redis. */
@NullMarked
package so.suna.queuemetrics.http;

import org.jspecify.annotations.NullMarked;
