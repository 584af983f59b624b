package so.suna.queuemetrics.local;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Transaction;

/**
 * Plays producers and workers on one queue with the commands of Dramatiq's {@code dispatch.lua}:
 * enqueue, fetch, acknowledge, delay, retry, give up. Each is one transaction, as Dramatiq's is one
 * script. Work comes in waves, so that there is something to see.
 */
final class DramatiqLoad implements AutoCloseable {

  static final int WORKERS = 2;

  private static final int THREADS_PER_WORKER = 16;
  private static final Duration STEP = Duration.ofMillis(200);
  private static final Duration WAVE = Duration.ofSeconds(60);

  /** Delayed messages are pulled into the workers' memory; this is that memory. */
  private record Delayed(String id, long etaMillis) {}

  private record Running(String id, String acks, long endMillis) {}

  private final Jedis redis;
  private final Clock clock;
  private final String queue;
  private final String heartbeats;
  private final String delayedAcks;
  private final long startedAt;
  private final Random random = new Random(1);
  private final Deque<Running> running = new ArrayDeque<>();
  private final PriorityQueue<Delayed> delayed =
      new PriorityQueue<>(Comparator.comparingLong(Delayed::etaMillis));
  private final ScheduledExecutorService player = Executors.newSingleThreadScheduledExecutor();

  DramatiqLoad(Jedis redis, String namespace, String queueName, Clock clock) {
    this.redis = redis;
    this.clock = clock;
    this.startedAt = clock.millis();
    this.queue = namespace + ":" + queueName;
    this.heartbeats = namespace + ":__heartbeats__";
    this.delayedAcks = acks(0) + ".DQ";
  }

  /** Ids that a worker has fetched and not acknowledged. */
  private String acks(int worker) {
    return queue.replace(":", ":__acks__.worker-%d.".formatted(worker));
  }

  void start() {
    var _ = player.scheduleAtFixedRate(this::step, 0, STEP.toMillis(), TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    player.shutdownNow();
    redis.close();
  }

  private void step() {
    try {
      play();
    } catch (RuntimeException e) {
      System.err.println("the load ended: " + e);
      throw e;
    }
  }

  private void play() {
    long now = clock.millis();
    for (int worker = 0; worker < WORKERS; worker++) {
      redis.zadd(heartbeats, (double) now, "worker-" + worker);
    }
    redis.zadd(heartbeats, (double) now, "producer");
    double wave = 1 + Math.sin(2 * Math.PI * (now - startedAt) / WAVE.toMillis());
    for (int i = (int) (wave * 8 * random.nextDouble()); i > 0; i--) {
      enqueue(now);
    }
    if (random.nextInt(10) == 0) {
      delay(UUID.randomUUID().toString(), payload(now), now + 5_000 + random.nextInt(20_000));
    }
    wake(now);
    finish(now);
    fetch(now);
  }

  private void enqueue(long now) {
    String id = UUID.randomUUID().toString();
    atOnce(
        both -> {
          both.hset(queue + ".msgs", id, payload(now));
          both.rpush(queue, id);
        });
  }

  private void atOnce(Consumer<Transaction> commands) {
    try (Transaction transaction = redis.multi()) {
      commands.accept(transaction);
      transaction.exec();
    }
  }

  private void delay(String id, String payload, long etaMillis) {
    atOnce(
        both -> {
          both.hset(queue + ".DQ.msgs", id, payload);
          both.sadd(delayedAcks, id);
        });
    delayed.add(new Delayed(id, etaMillis));
  }

  private void wake(long now) {
    while (!delayed.isEmpty() && delayed.peek().etaMillis() <= now) {
      String id = delayed.remove().id();
      String payload = redis.hget(queue + ".DQ.msgs", id);
      atOnce(
          all -> {
            all.hset(queue + ".msgs", id, payload);
            all.rpush(queue, id);
            all.srem(delayedAcks, id);
            all.hdel(queue + ".DQ.msgs", id);
          });
    }
  }

  private void fetch(long now) {
    while (running.size() < WORKERS * THREADS_PER_WORKER) {
      String id = redis.lindex(queue, 0);
      if (id == null) {
        return;
      }
      String acks = acks(random.nextInt(WORKERS));
      atOnce(
          both -> {
            both.lpop(queue);
            both.sadd(acks, id);
          });
      running.add(new Running(id, acks, now + 800 + random.nextInt(1_200)));
    }
  }

  private void finish(long now) {
    for (int i = running.size(); i > 0; i--) {
      Running message = running.remove();
      if (message.endMillis() > now) {
        running.add(message);
        continue;
      }
      String payload = redis.hget(queue + ".msgs", message.id());
      atOnce(
          both -> {
            both.srem(message.acks(), message.id());
            both.hdel(queue + ".msgs", message.id());
          });
      int fate = random.nextInt(100);
      if (fate == 0) {
        redis.zadd(queue + ".XQ", (double) now, message.id());
        redis.hset(queue + ".XQ.msgs", message.id(), payload);
      } else if (fate < 4) {
        delay(message.id(), payload, now + 15_000);
      }
    }
  }

  private String payload(long now) {
    return """
        {"queue_name":"%s","actor_name":"run_agent","args":[%d],"kwargs":{},"options":{},"message_id":"%s","message_timestamp":%d}"""
        .formatted(
            queue.substring(queue.indexOf(':') + 1), random.nextInt(), UUID.randomUUID(), now);
  }
}
