/** A snapshot becomes datums becomes a call. CloudWatch's limits live here. */
@NullMarked
package so.suna.queuemetrics.cloudwatch;

import org.jspecify.annotations.NullMarked;
