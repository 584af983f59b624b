/**
 * What a fleet of Dramatiq workers on ECS would do under a load and a scaling policy: load, broker,
 * workers, metric and decisions, run through in simulated time.
 */
@NullMarked
package so.suna.queuemetrics.simulation;

import org.jspecify.annotations.NullMarked;
