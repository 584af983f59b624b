package so.suna.queuemetrics.aws;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSyntaxException;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/**
 * A text in Secrets Manager, named as CloudFormation names it: the secret's ARN, and perhaps {@code
 * :SecretString:KEY:STAGE:VERSION}. Immutable.
 *
 * @param key of a secret in JSON; empty: the whole text
 * @param stage empty: AWSCURRENT, unless a version is named
 */
public record Secret(String arn, String key, String stage, String version) {

  /** What {@link #of} takes. */
  public static final String PATTERN =
      "arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+(:SecretString(:[^:{}]*){0,3})?";

  public static Secret of(String reference) {
    List<String> parts = List.of((reference + ":".repeat(10)).split(":", -1));
    return new Secret(
        String.join(":", parts.subList(0, 7)), parts.get(8), parts.get(9), parts.get(10));
  }

  /**
   * The text as it is now. Makes a client for this call alone: only a rotation leads here, and no
   * start should pay for it.
   *
   * @throws IllegalStateException naming the secret and the cause, without any of the text
   */
  public String read() {
    return read(() -> AwsClients.ofThisFunction().secretsManager());
  }

  String read(Supplier<SecretsManagerClient> clients) {
    try (SecretsManagerClient client = clients.get()) {
      Optional<String> text =
          Optional.ofNullable(
              client
                  .getSecretValue(
                      request ->
                          request
                              .secretId(arn)
                              .versionStage(stage.isEmpty() ? null : stage)
                              .versionId(version.isEmpty() ? null : version))
                  .secretString());
      return (key.isEmpty() ? text : text.flatMap(this::valueOfKey))
          .orElseThrow(
              () ->
                  new IllegalStateException(
                      key.isEmpty()
                          ? "%s must hold a text, was binary".formatted(this)
                          : "%s must hold a JSON object with the text %s".formatted(this, key)));
    } catch (SdkException e) {
      throw new IllegalStateException("%s not read: %s".formatted(this, e.getMessage()), e);
    }
  }

  private Optional<String> valueOfKey(String json) {
    try {
      return JsonParser.parseString(json) instanceof JsonObject object
              && object.get(key) instanceof JsonPrimitive value
          ? Optional.of(value.getAsString())
          : Optional.empty();
    } catch (JsonSyntaxException _) {
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return "secret " + arn;
  }
}
