package so.suna.queuemetrics.local;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.cbor.databind.CBORMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.function.Function;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;

/**
 * Receives what the SDK really sends: PutMetricData in CBOR (smithy-rpc-v2-cbor) and
 * DescribeServices in JSON. It keeps every request and answers as told.
 */
public final class AwsReceiver implements AutoCloseable {

  /** A request as AWS understands it. */
  public record Call(String operation, JsonNode input) {}

  /** What to answer: CBOR for CloudWatch, JSON for ECS. */
  public record Reply(int status, JsonNode output) {}

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ObjectMapper CBOR = new CBORMapper();

  private final HttpServer server;
  private final List<Call> calls = new CopyOnWriteArrayList<>();
  private volatile Function<Call, Reply> answers;

  private AwsReceiver(HttpServer server, Function<Call, Reply> answers) {
    this.server = server;
    this.answers = answers;
  }

  /** Takes metrics, and says that a service wants and runs that many workers. */
  public static AwsReceiver start(int runningWorkers) {
    try {
      var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      var receiver = new AwsReceiver(server, call -> usual(call, runningWorkers));
      server.createContext("/", receiver::handle);
      server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      server.start();
      return receiver;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Reply usual(Call call, int runningWorkers) {
    return usual(call, runningWorkers, runningWorkers);
  }

  static Reply usual(Call call, int runningWorkers, int desiredWorkers) {
    return call.operation().equals("DescribeServices")
        ? new Reply(200, service("ACTIVE", runningWorkers, desiredWorkers))
        : new Reply(200, JSON.createObjectNode());
  }

  /** ECS's answer for one service that runs as many tasks as it wants. */
  public static JsonNode service(String status, int runningWorkers) {
    return service(status, runningWorkers, runningWorkers);
  }

  private static JsonNode service(String status, int runningWorkers, int desiredWorkers) {
    ObjectNode output = JSON.createObjectNode();
    output
        .putArray("services")
        .addObject()
        .put("status", status)
        .put("runningCount", runningWorkers)
        .put("desiredCount", desiredWorkers);
    output.putArray("failures");
    return output;
  }

  /** Silence until then, and the reply after it. */
  public static Reply after(CountDownLatch silence, Reply reply) {
    try {
      silence.await();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    return reply;
  }

  /** An error as AWS words it in either protocol. */
  public static Reply error(int status, String type, String message) {
    return new Reply(status, JSON.createObjectNode().put("__type", type).put("message", message));
  }

  /** From now on answers so; the function may wait, to be a slow service. */
  public void answer(Function<Call, Reply> answers) {
    this.answers = answers;
  }

  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** All requests so far. */
  public List<Call> calls() {
    return calls;
  }

  public List<Call> calls(String operation) {
    return calls.stream().filter(call -> call.operation().equals(operation)).toList();
  }

  /** All datums so far. */
  public List<JsonNode> datums() {
    return datums(calls);
  }

  /** The datums since the last time; forgets all requests, so that a long run does not grow. */
  synchronized List<JsonNode> takeDatums() {
    List<Call> taken = List.copyOf(calls);
    calls.removeAll(taken);
    return datums(taken);
  }

  private static List<JsonNode> datums(List<Call> calls) {
    return calls.stream()
        .filter(call -> call.operation().equals("PutMetricData"))
        .flatMap(call -> StreamSupport.stream(call.input().path("MetricData").spliterator(), false))
        .toList();
  }

  @Override
  public void close() {
    server.stop(0);
  }

  /** The SDK compresses PutMetricData from 10 KiB on. */
  private static byte[] body(HttpExchange exchange) throws IOException {
    boolean compressed = "gzip".equals(exchange.getRequestHeaders().getFirst("Content-Encoding"));
    try (InputStream body = exchange.getRequestBody();
        InputStream plain = compressed ? new GZIPInputStream(body) : body) {
      return plain.readAllBytes();
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      String target = exchange.getRequestHeaders().getFirst("X-Amz-Target");
      boolean cbor = target == null;
      byte[] body = body(exchange);
      String operation =
          cbor
              ? path.substring(path.lastIndexOf('/') + 1)
              : target.substring(target.lastIndexOf('.') + 1);
      var call = new Call(operation, (cbor ? CBOR : JSON).readTree(body));
      calls.add(call);
      Reply reply = answers.apply(call);
      byte[] output = (cbor ? CBOR : JSON).writeValueAsBytes(reply.output());
      exchange
          .getResponseHeaders()
          .set("Content-Type", cbor ? "application/cbor" : "application/x-amz-json-1.1");
      if (cbor) {
        exchange.getResponseHeaders().set("smithy-protocol", "rpc-v2-cbor");
      }
      exchange.sendResponseHeaders(reply.status(), output.length);
      exchange.getResponseBody().write(output);
    }
  }
}
