/** How many workers run. */
@NullMarked
package so.suna.queuemetrics.ecs;

import org.jspecify.annotations.NullMarked;
