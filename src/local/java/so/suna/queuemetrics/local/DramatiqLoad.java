package so.suna.queuemetrics.local;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.Transaction;
import redis.clients.jedis.exceptions.JedisConnectionException;

/**
 * Plays producers and workers on one queue with the commands of Dramatiq's {@code dispatch.lua}:
 * enqueue, fetch, acknowledge, delay, retry, give up. Each is one transaction, as Dramatiq's is one
 * script. Durations are in the policy's time, of which a minute passes with each tick.
 */
final class DramatiqLoad implements AutoCloseable {

  /** As the seed's workers: 4 processes of 4 threads, which fetch no message ahead. */
  private static final int THREADS_PER_WORKER = 16;

  private static final Duration STEP = Duration.ofMillis(100);
  private static final int BURST = 100;
  private static final int MAX_RETRIES = 2;

  /** What an actor does with a message; the work in seconds of the policy's time. */
  private record Actor(String name, int shortestWork, int longestWork, double failing) {
    static final Actor USUAL = new Actor("run_agent", 30, 90, 0.02);
    static final Actor LONG = new Actor("crawl_site", 600, 900, 0);
    static final Actor FAILING = new Actor("send_webhook", 5, 20, 1);
  }

  private record Message(String id, Actor actor, long sentMillis, int retries) {
    Message again() {
      return new Message(id, actor, sentMillis, retries + 1);
    }
  }

  /** Delayed messages are pulled into the workers' memory; this is that memory. */
  private record Delayed(Message message, long etaMillis) {}

  private record Running(Message message, long endMillis) {}

  /** One that is stopped fetches no more, and ends when it has done what it fetched. */
  private static final class Worker {
    final String name;
    final List<Running> running = new ArrayList<>();
    boolean stopping;

    Worker(int number) {
      name = "worker-" + number;
    }
  }

  private final OwnRedis server;
  private final Clock clock;
  private final double millisPerSecond;
  private final String queue;
  private final String heartbeats;
  private final String delayedAcks;
  private final Random random = new Random(1);
  private final Map<String, Message> sent = new HashMap<>();
  private final List<Worker> workers = new ArrayList<>();
  private final PriorityQueue<Delayed> delayed =
      new PriorityQueue<>(Comparator.comparingLong(Delayed::etaMillis));
  private final ScheduledExecutorService player = Executors.newSingleThreadScheduledExecutor();
  private Jedis redis;
  private boolean paused;
  private long nextArrival;
  private int started;

  /**
   * @param minute how long a minute of the policy takes here
   */
  DramatiqLoad(OwnRedis server, String namespace, String queueName, Clock clock, Duration minute) {
    this.server = server;
    this.redis = server.client();
    this.clock = clock;
    this.millisPerSecond = minute.toMillis() / 60.0;
    this.queue = namespace + ":" + queueName;
    this.heartbeats = namespace + ":__heartbeats__";
    this.delayedAcks = acks("worker-1") + ".DQ";
    this.nextArrival = clock.millis();
  }

  /** Ids that a worker has fetched and not acknowledged. */
  private String acks(String worker) {
    return queue.replace(":", ":__acks__.%s.".formatted(worker));
  }

  void start(int count) {
    addWorkers(count);
    var _ = player.scheduleAtFixedRate(this::step, 0, STEP.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** So many workers fetch from now on. Those that are stopped are the newest. */
  void workers(int count) {
    player.execute(
        () -> {
          var fetching = workers.stream().filter(worker -> !worker.stopping).toList();
          fetching.stream().skip(count).forEach(worker -> worker.stopping = true);
          addWorkers(count - fetching.size());
        });
  }

  private void addWorkers(int count) {
    for (int i = 0; i < count; i++) {
      workers.add(new Worker(++started));
    }
  }

  void burst() {
    send(BURST, Actor.USUAL);
  }

  void longJobs() {
    send(40, Actor.LONG);
  }

  void failingActor() {
    send(20, Actor.FAILING);
  }

  private void send(int messages, Actor actor) {
    atRest(
        () -> {
          if (paused) {
            throw new IllegalStateException("Redis is stopped, so nothing can be sent");
          }
          Stream.generate(() -> message(actor)).limit(messages).forEach(this::enqueue);
        });
  }

  /** Stops Redis. Workers go on with what they have fetched, and acknowledge it later. */
  void stopRedis() {
    atRest(
        () -> {
          paused = true;
          redis.close();
          server.stop();
        });
  }

  void startRedis() {
    atRest(
        () -> {
          server.start();
          if (paused) {
            redis = server.client();
            nextArrival = clock.millis();
            paused = false;
          }
        });
  }

  /** Between two steps; what fails there fails for the caller. */
  private void atRest(Runnable action) {
    CompletableFuture.runAsync(action, player).join();
  }

  @Override
  public void close() {
    player.shutdownNow();
    redis.close();
  }

  private void step() {
    try {
      if (!paused) {
        play();
      }
    } catch (JedisConnectionException _) {
      // The next tick tells it. Played on as soon as Redis answers again.
      redis.close();
      redis = server.client();
      nextArrival = clock.millis();
    } catch (RuntimeException e) {
      System.err.println("the load ended: " + e);
      throw e;
    }
  }

  private void play() {
    long now = clock.millis();
    beat(now);
    for (; nextArrival <= now; nextArrival += arrivalAfter()) {
      enqueue(message(Actor.USUAL));
      if (random.nextInt(20) == 0) {
        delay(message(Actor.USUAL), now + millis(60 + random.nextInt(240)));
      }
    }
    wake(now);
    workers.forEach(worker -> finish(worker, now));
    workers.removeIf(worker -> worker.stopping && worker.running.isEmpty());
    fetch(now);
  }

  /** Ten messages a minute, which two workers do easily. */
  private long arrivalAfter() {
    return Math.max(1, Math.round(millis(6) * random.nextExponential()));
  }

  private long millis(int seconds) {
    return Math.round(seconds * millisPerSecond);
  }

  private void beat(long now) {
    Map<String, Double> beats =
        Stream.concat(workers.stream().map(worker -> worker.name), Stream.of("producer"))
            .collect(Collectors.toMap(name -> name, _ -> (double) now));
    redis.zadd(heartbeats, beats);
    // Dramatiq's maintenance: heartbeat_timeout in brokers/redis.py, 60 s.
    redis.zremrangeByScore(heartbeats, 0.0, (double) now - 60_000);
  }

  private Message message(Actor actor) {
    return new Message(UUID.randomUUID().toString(), actor, clock.millis(), 0);
  }

  private void enqueue(Message message) {
    atOnce(both -> enqueue(both, message));
  }

  private void enqueue(Transaction transaction, Message message) {
    sent.put(message.id(), message);
    transaction.hset(queue + ".msgs", message.id(), payload(message));
    transaction.rpush(queue, message.id());
  }

  private void atOnce(Consumer<Transaction> commands) {
    try (Transaction transaction = redis.multi()) {
      commands.accept(transaction);
      transaction.exec();
    }
  }

  private void delay(Message message, long etaMillis) {
    String payload = payload(message);
    atOnce(
        both -> {
          both.hset(queue + ".DQ.msgs", message.id(), payload);
          both.sadd(delayedAcks, message.id());
        });
    delayed.add(new Delayed(message, etaMillis));
  }

  private void wake(long now) {
    while (!delayed.isEmpty() && delayed.peek().etaMillis() <= now) {
      Message message = delayed.remove().message();
      atOnce(
          all -> {
            enqueue(all, message);
            all.srem(delayedAcks, message.id());
            all.hdel(queue + ".DQ.msgs", message.id());
          });
    }
  }

  private void fetch(long now) {
    var room = new ArrayDeque<>(freeThreads());
    while (!room.isEmpty()) {
      String id = redis.lindex(queue, 0);
      if (id == null) {
        return;
      }
      Worker worker = room.remove();
      atOnce(
          both -> {
            both.lpop(queue);
            both.sadd(acks(worker.name), id);
          });
      // Null for a message that somebody else has put there.
      @Nullable Message known = sent.remove(id);
      Message message = known == null ? new Message(id, Actor.USUAL, now, 0) : known;
      Actor actor = message.actor();
      long work = millis(random.nextInt(actor.shortestWork(), actor.longestWork() + 1));
      worker.running.add(new Running(message, now + work));
    }
  }

  /** Their workers, in the order in which they ask. */
  private List<Worker> freeThreads() {
    var free = new ArrayList<Worker>();
    for (Worker worker : workers) {
      if (!worker.stopping) {
        free.addAll(Collections.nCopies(THREADS_PER_WORKER - worker.running.size(), worker));
      }
    }
    Collections.shuffle(free, random);
    return free;
  }

  private void finish(Worker worker, long now) {
    var done = worker.running.stream().filter(each -> each.endMillis() <= now).toList();
    worker.running.removeAll(done);
    for (Running each : done) {
      Message message = each.message();
      atOnce(
          both -> {
            both.srem(acks(worker.name), message.id());
            both.hdel(queue + ".msgs", message.id());
          });
      if (random.nextDouble() < message.actor().failing()) {
        fail(message, now);
      }
    }
  }

  private void fail(Message message, long now) {
    if (message.retries() < MAX_RETRIES) {
      delay(message.again(), now + millis(90 + random.nextInt(60)));
      return;
    }
    String payload = payload(message);
    atOnce(
        both -> {
          both.zadd(queue + ".XQ", (double) now, message.id());
          both.hset(queue + ".XQ.msgs", message.id(), payload);
        });
  }

  private String payload(Message message) {
    return """
    {"queue_name":"%s","actor_name":"%s","args":[%d],"kwargs":{},"options":{},"message_id":"%s","message_timestamp":%d}\
    """
        .formatted(
            queue.substring(queue.indexOf(':') + 1),
            message.actor().name(),
            random.nextInt(),
            message.id(),
            message.sentMillis());
  }
}
