/**
 * What CloudWatch's alarms and Application Auto Scaling decide, minute by minute. Knows no queue,
 * no clock and no network: the simulator and the local run both drive it.
 */
@NullMarked
package so.suna.queuemetrics.scaling;

import org.jspecify.annotations.NullMarked;
