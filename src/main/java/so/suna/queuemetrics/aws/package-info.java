/** The way to AWS: clients, keys, time limits, TLS. Knows no metric and no queue. */
@NullMarked
package so.suna.queuemetrics.aws;

import org.jspecify.annotations.NullMarked;
